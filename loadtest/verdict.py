"""The table that a run ends with: every route and outcome, what it had to keep to, and which bound was missed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from loadtest.measured import ENOUGH, Measured
from loadtest.outcomes import RATE_LIMITED, split
from loadtest.targets import Target, Targets

_NAME_CHARS_MIN = 24


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run.

    measured: by the name that requests were counted under. length_s: from the first to the last request. users: the
    mean over that time. broken: kinds of exceptions in the load test itself. short_of_cpu: whether locust was, which
    makes every time too long.
    """

    measured: Mapping[str, Measured]
    length_s: float
    users: float
    broken: int = 0
    short_of_cpu: bool = False


class Miss(NamedTuple):
    """A bound that was not kept. of_errors: whether it is the share of errors, rather than of times or the rate."""

    text: str
    of_errors: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. target: the bounds that it had to keep."""

    name: str
    measured: Measured
    misses: tuple[Miss, ...]
    target: Target

    @property
    def judged(self) -> bool:
        """Whether there was any bound to keep."""
        return self.target != Target()


class Verdict(NamedTuple):
    """Whether the run passed, and the table that says why."""

    passed: bool
    table: str


def verdict(run: Run, targets: Targets, *, errors_only: bool = False) -> Verdict:
    """Judge `run`. errors_only: times and rates that miss their bounds are shown and do not fail it."""
    rows = list(rows_of(run, targets))
    failing = [f"{row.name}: {miss.text}" for row in rows for miss in row.misses if miss.of_errors or not errors_only]
    if not any(row.measured.requests for row in rows):
        failing.append("no request was made")
    if run.broken:
        failing.append(f"{run.broken} kinds of exceptions in the load test itself, see above")
    width = max(_NAME_CHARS_MIN, *(len(_shown(row)) for row in rows)) if rows else _NAME_CHARS_MIN
    lines = [
        f"{'route, and outcome':<{width}}{'requests':>10}{'a second':>10}{'errors':>8}{'p50 ms':>8}{'p95 ms':>8}"
        f"{'p99 ms':>8}  result",
        *(_line(row, run, width, errors_only=errors_only) for row in rows),
        *_remarks(run),
        f"load test FAILED: {'; '.join(failing)}" if failing else "load test passed",
    ]
    return Verdict(not failing, "\n".join(lines))


def rows_of(run: Run, targets: Targets) -> Iterator[Row]:
    """Every route, and below it every outcome of it."""
    routes: dict[str, Measured] = {route: Measured() for route in targets.routes}
    for name, measured in run.measured.items():
        route = split(name)[0]
        routes[route] = routes.get(route, Measured()) + measured
    for route in sorted(routes):
        yield _row(route, routes[route], targets.of_route(route), run)
        for name in sorted(name for name in run.measured if split(name)[0] == route and name != route):
            yield _row(name, run.measured[name], targets.of_outcome(name), run)


def _row(name: str, measured: Measured, target: Target, run: Run) -> Row:
    return Row(name, measured, tuple(_misses(measured, target, run)), target)


def _misses(measured: Measured, target: Target, run: Run) -> Iterator[Miss]:
    for share, bound in ((0.50, target.p50_ms), (0.95, target.p95_ms), (0.99, target.p99_ms)):
        if bound is not None and measured.requests >= ENOUGH[share] and measured.percentile_ms(share) > bound:
            yield Miss(f"p{share * 100:.0f} {measured.percentile_ms(share)} > {bound:g} ms", of_errors=False)
    if target.errors is not None and measured.error_share > target.errors:
        yield Miss(f"errors {measured.error_share:.2%} > {target.errors:.2%}", of_errors=True)
    if target.rate_per_user is not None:
        rate, wanted = rate_of(measured, run), target.rate_per_user * run.users
        if rate < wanted:
            yield Miss(f"{rate:.1f} a second < {wanted:.1f}", of_errors=False)


def rate_of(measured: Measured, run: Run) -> float:
    """Requests a second."""
    return measured.requests / run.length_s if run.length_s else 0.0


def _shown(row: Row) -> str:
    outcome = split(row.name)[1]
    return row.name if outcome is None else f"  {outcome}"


def _line(row: Row, run: Run, width: int, *, errors_only: bool) -> str:
    times = "".join(f"{row.measured.percentile_ms(share):>8}" for share in ENOUGH)
    counts = f"{row.measured.requests:>10,}{rate_of(row.measured, run):>10.1f}{row.measured.failures:>8,}"
    return f"{_shown(row):<{width}}{counts}{times}  {result_of(row, errors_only=errors_only)}".rstrip()


def result_of(row: Row, *, errors_only: bool) -> str:
    """`pass`, or what was missed; nothing where nothing was demanded."""
    if not row.misses:
        return "pass" if row.judged else ""
    fails = not errors_only or any(miss.of_errors for miss in row.misses)
    return f"{'FAIL' if fails else 'slow'} {', '.join(miss.text for miss in row.misses)}"


def _remarks(run: Run) -> Iterator[str]:
    yield f"{run.users:.0f} users in the mean, {run.length_s:.0f} s"
    limited = sum(measured.requests for name, measured in run.measured.items() if split(name)[1] == RATE_LIMITED)
    if limited:
        yield (
            f"{limited:,} requests met the service's rate limit (429), which is meant for one client and not for a load"
            " test from one machine: start the service with FARMLOKAL_RATE_LIMIT=off, or with a limit above the load"
        )
    if run.short_of_cpu:
        yield "locust was short of processor time: the times are too long; use --processes, or another machine"
