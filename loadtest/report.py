"""The page that a run leaves behind: how it ended, what was demanded and kept, where answers came from, the charts."""

import os
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import version

from loadtest import html_page
from loadtest.html_page import BAD, GOOD, NEUTRAL, Bar, Cell
from loadtest.outcomes import split
from loadtest.targets import Targets
from loadtest.verdict import Row, Run, rate_of, result_of, rows_of, verdict

_SOURCES = ("from memory", "from Redis", "stale, or unchanged (304)", "loaded for it")
# By the beginning of an outcome: which of _SOURCES it is.
_SOURCE_OF = {"hit memory": 0, "hit redis": 1, "hit stale": 2, "304": 2, "miss": 3}
_HEADINGS = ("route, and outcome", "requests", "a second", "errors", "p50 ms", "p95 ms", "p99 ms", "result")


def report(
    run: Run, targets: Targets, facts: Sequence[tuple[str, str]], charts: str, *, errors_only: bool = False
) -> str:
    """The page of a finished run. facts: of the service and the machine. charts: locust's own report, whole."""
    rows = list(rows_of(run, targets))
    passed, table = verdict(run, targets, errors_only=errors_only)
    body = [
        html_page.verdict_line(table.splitlines()[-1], GOOD if passed else BAD),
        html_page.paragraph(_summary(run)),
        *_bounds(rows),
        html_page.heading("Every route and outcome"),
        html_page.table(_HEADINGS, (_cells(row, run, errors_only=errors_only) for row in rows)),
        *_shares(run),
        html_page.heading("Loaded and measured on"),
        html_page.table(("", ""), [(Cell(name), Cell(value)) for name, value in facts]),
        html_page.heading("Locust's charts"),
        html_page.framed("Locust's report", charts),
    ]
    return html_page.document("FarmLokal: load test", body)


def machine() -> list[tuple[str, str]]:
    """Of the machine that makes the load, what places its times."""
    return [
        ("load from", f"{len(os.sched_getaffinity(0))} cores, {platform.platform(terse=True)}"),
        ("python", platform.python_version()),
        ("locust", version("locust")),
    ]


def _summary(run: Run) -> str:
    requests = sum(measured.requests for measured in run.measured.values())
    failures = sum(measured.failures for measured in run.measured.values())
    rate = requests / run.length_s if run.length_s else 0.0
    short = " Locust was short of processor time: the times are too long." if run.short_of_cpu else ""
    return (
        f"{requests:,} requests in {run.length_s:.0f} s by {run.users:.0f} users in the mean: {rate:.0f} a second,"
        f" {failures:,} errors.{short}"
    )


def _bounds(rows: Sequence[Row]) -> Iterator[str]:
    """The 95th percentiles that had a bound, each beside it."""
    bounded = [(row, row.target.p95_ms) for row in rows if row.target.p95_ms and row.measured.requests]
    if bounded:
        yield html_page.heading("95th percentiles and their targets")
        yield html_page.paragraph("All times that were demanded stand in the table below.", quiet=True)
        yield html_page.bars(_bound_bar(row, bound_ms) for row, bound_ms in bounded)


def _bound_bar(row: Row, bound_ms: float) -> Bar:
    p95_ms = row.measured.percentile_ms(0.95)
    scale_ms = 1.15 * max(p95_ms, bound_ms)
    missed = any(miss.text.startswith("p95") for miss in row.misses)
    few = "" if missed or p95_ms <= bound_ms else " (too few to judge)"
    return Bar(
        row.name,
        f"{p95_ms} ms, at most {bound_ms:g}{few}",
        [p95_ms / scale_ms],
        note=f"{row.measured.requests:,} requests",
        tone=BAD if missed else NEUTRAL if few else GOOD,
        goal=bound_ms / scale_ms,
    )


def _cells(row: Row, run: Run, *, errors_only: bool) -> list[Cell]:
    outcome = split(row.name)[1]
    result = result_of(row, errors_only=errors_only)
    measured = row.measured
    times = [Cell(f"{measured.percentile_ms(share)}", "number") for share in (0.50, 0.95, 0.99)]
    tone = {"": NEUTRAL, "pass": GOOD}.get(result, BAD)
    return [
        Cell(row.name if outcome is None else f"· {outcome}"),
        Cell(f"{measured.requests:,}", "number"),
        Cell(f"{rate_of(measured, run):.1f}", "number"),
        Cell(f"{measured.failures:,}", "number"),
        *times,
        Cell(result, f"text {tone}" if result else ""),
    ]


def _shares(run: Run) -> Iterator[str]:
    """Where the answers of each route came from, where they say so."""
    by_route: dict[str, Counter[int]] = {}
    for name, measured in run.measured.items():
        route, outcome = split(name)
        for beginning, source in _SOURCE_OF.items():
            if outcome is not None and outcome.startswith(beginning):
                by_route.setdefault(route, Counter())[source] += measured.requests
    if by_route:
        yield html_page.heading("Where answers came from")
        yield html_page.legend(_SOURCES)
        yield html_page.bars(_share_bar(route, by_route[route]) for route in sorted(by_route))


def _share_bar(route: str, requests: Counter[int]) -> Bar:
    whole = requests.total()
    parts = [requests[source] / whole for source in range(len(_SOURCES))]
    return Bar(route, f"{1 - parts[-1]:.0%} without a load", parts, note=f"{whole:,} answers")
