"""What a load test demands, and the pass/fail table that it ends with."""

from collections.abc import Iterable
from typing import Any, NamedTuple

# The owner's target for a page of the listing. Locust keeps times above 100 ms to the nearest 10 ms, so a p95 of
# 204 ms is still seen as 200.
TARGET_P95_MS = 200

LISTING = "/products"
LISTING_BY_CURSOR = "/products?cursor"
PRODUCT = "/products/{id}"
CATEGORIES = "/categories"

_TARGETS_MS = {LISTING: TARGET_P95_MS, LISTING_BY_CURSOR: TARGET_P95_MS}


class RouteResult(NamedTuple):
    """What was measured of one route: counts of requests and failures, and percentiles in milliseconds."""

    route: str
    requests: int
    failures: int
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @property
    def target_ms(self) -> int | None:
        """The p95 that the route must keep, in milliseconds; None for a route that has no target."""
        return _TARGETS_MS.get(self.route)

    @property
    def passed(self) -> bool:
        """Whether no request failed and the route kept its target."""
        return self.failures == 0 and (self.target_ms is None or self.p95_ms <= self.target_ms)


def passed(results: Iterable[RouteResult], errors: int) -> bool:
    """Whether the whole run passes: the listing was measured, every route passed, and no task broke (`errors`)."""
    measured = {result.route: result for result in results}
    return errors == 0 and LISTING in measured and all(result.passed for result in measured.values())


def table(results: Iterable[RouteResult], errors: int) -> str:
    """The pass/fail table, a line for each route and one for the whole."""
    results = list(results)
    lines = [f"{'route':<20}{'requests':>10}{'failures':>10}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'target':>9}"]
    for result in results:
        target = "-" if result.target_ms is None else f"<= {result.target_ms}"
        lines.append(
            f"{result.route:<20}{result.requests:>10}{result.failures:>10}{result.p50_ms:>9.0f}{result.p95_ms:>9.0f}"
            f"{result.p99_ms:>9.0f}{target:>9}  {'pass' if result.passed else 'FAIL'}"
        )
    if errors:
        lines.append(f"{errors} kinds of errors outside of requests: FAIL")
    if not any(result.route == LISTING for result in results):
        lines.append("no page of the listing was measured: FAIL")
    lines.append(f"load test {'passed' if passed(results, errors) else 'FAILED'}")
    return "\n".join(lines)


def results_of(stats: Any) -> list[RouteResult]:
    """The routes of locust's `stats`, in the order of their names."""
    return [
        RouteResult(
            name,
            entry.num_requests,
            entry.num_failures,
            *(entry.get_response_time_percentile(share) or 0 for share in (0.50, 0.95, 0.99)),
        )
        for (name, _method), entry in sorted(stats.entries.items())
    ]
