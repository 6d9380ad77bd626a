"""What a load test demands, and the table that it ends with."""

from collections import Counter
from pathlib import Path

import pytest

from loadtest.measured import Measured, counted_ms
from loadtest.targets import Targets
from loadtest.verdict import Run, verdict

FAST = Measured(1000, 0, Counter({1: 900, 15: 90, 40: 10}))
SLOW = Measured(1000, 0, Counter({1: 900, 230: 100}))


def run(measured: dict[str, Measured], **others: float) -> Run:
    """A run of 10 seconds with 50 users."""
    return Run(measured, length_s=10, users=50, **others)  # type: ignore[arg-type]


def test_a_run_that_keeps_every_bound_passes() -> None:
    """Nothing is missed, and the table says so of each route."""
    passed, table = verdict(run({"/products [hit memory]": FAST, "/categories": FAST}), Targets.read())
    assert passed
    assert table.endswith("load test passed")
    assert 3 == table.count("  pass")


@pytest.mark.parametrize(
    ("bounds", "missed"),
    [
        ({"p50_ms": 0.5}, "/products: p50 1 > 0.5 ms"),
        ({"p95_ms": 200}, "/products: p95 230 > 200 ms"),
        ({"p99_ms": 229}, "/products: p99 230 > 229 ms"),
        ({"errors": 0}, "/products: errors 0.20% > 0.00%"),
        ({"rate_per_user": 2.5}, "/products: 100.0 a second < 125.0"),
    ],
)
def test_a_missed_bound_fails_the_run_and_is_named(bounds: dict[str, float], missed: str) -> None:
    """Each kind of bound is checked, and the last line says which one was missed by how much."""
    passed, table = verdict(run({"/products [miss]": SLOW + Measured(failures=2)}), Targets({"/products": bounds}))
    assert not passed
    assert f"load test FAILED: {missed}" == table.splitlines()[-1]


def test_the_owners_targets_hold_for_every_route_and_for_listing_hits() -> None:
    """200 ms at the 95th percentile anywhere, 20 ms where the listing is answered from a cache."""
    targets = Targets.read()
    assert 200 == targets.of_route("/any/other").p95_ms == targets.of_route("/products").p95_ms
    for name in ("/products [hit memory]", "/products [hit redis]", "/products [hit stale]", "/products?cursor [304]"):
        assert 20 == targets.of_outcome(name).p95_ms, name
        assert 20 == targets.of_outcome(name.replace("/products ", "/products?near ")).p95_ms, name
        assert 20 == targets.of_outcome(name.replace("?cursor", "?near&cursor")).p95_ms, name
    assert targets.of_outcome("/products [miss]").p95_ms is None
    passed, table = verdict(run({"/products [hit memory]": SLOW, "/products [miss]": FAST + FAST + FAST}), targets)
    assert not passed
    assert "load test FAILED: /products [hit memory]: p95 230 > 20 ms" == table.splitlines()[-1]


def test_times_and_rates_that_are_missed_do_not_fail_a_run_for_errors_only() -> None:
    """They are shown as slow; an error still fails it."""
    targets = Targets({"/products": {"p95_ms": 20, "rate_per_user": 9, "errors": 0}})
    passed, table = verdict(run({"/products": SLOW}), targets, errors_only=True)
    assert passed
    assert "slow p95 230 > 20 ms, 100.0 a second < 450.0" in table
    assert not verdict(run({"/products": SLOW + Measured(failures=1)}), targets, errors_only=True).passed


def test_a_percentile_that_too_few_requests_tell_is_not_judged() -> None:
    """Of ten requests, one slow one would be the 95th percentile."""
    few = Measured(10, 0, Counter({1: 9, 900: 1}))
    assert verdict(run({"/auth/token": few}), Targets({"every route": {"p95_ms": 200}})).passed


def test_a_route_of_which_a_rate_is_demanded_must_have_been_asked() -> None:
    """A listing that nobody measured is no listing that is fast enough."""
    passed, table = verdict(run({"/categories": FAST}), Targets.read())
    assert not passed
    assert "/products: 0.0 a second < 6.0" in table


def test_a_run_without_any_request_fails() -> None:
    """Also where only errors fail a run."""
    passed, table = verdict(Run({}, 0, 0), Targets({}), errors_only=True)
    assert not passed
    assert table.endswith("no request was made")


def test_the_rate_limit_is_named() -> None:
    """Refusals by the limiter get a line that says what to change, beside the share of errors."""
    passed, table = verdict(run({"/products [429]": Measured(7, 7, Counter({1: 7}))}), Targets.read())
    assert not passed
    assert "7 requests met the service's rate limit (429)" in table
    assert "FARMLOKAL_RATE_LIMIT=off" in table


def test_what_spoils_a_measurement_is_said() -> None:
    """Exceptions in the load test fail it; a locust without processor time is only remarked on."""
    passed, table = verdict(run({"/products": FAST}, short_of_cpu=True), Targets({}))
    assert passed
    assert "locust was short of processor time" in table
    assert not verdict(run({"/products": FAST}, broken=2), Targets({})).passed


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("['/products']\np97_ms = 1", "p97_ms: must be one of errors, p50_ms"),
        ("['/products']\np95_ms = '200 ms'", "p95_ms: must be a number"),
        ("not toml", "Expected"),
    ],
)
def test_a_targets_file_with_a_fault_is_refused(text: str, fault: str, tmp_path: Path) -> None:
    """A bound that is misspelt would otherwise never be missed."""
    path = tmp_path / "targets.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=fault):
        Targets.read(path)


def test_times_are_counted_exactly_enough_to_judge_them() -> None:
    """Whole milliseconds, rounded up, where the bounds are; 204 ms is not 200."""
    assert [1, 20, 21, 204, 1000, 1010, 20_000] == [
        counted_ms(time_ms) for time_ms in (0.3, 20.0, 20.1, 203.2, 999.5, 1000.5, 19_995)
    ]


def test_percentiles_of_several_outcomes_are_those_of_all_their_requests() -> None:
    """A route's percentiles are not the mean of its outcomes' percentiles."""
    both = Measured(90, 0, Counter({2: 90})) + Measured(10, 1, Counter({100: 10}))
    assert (2, 100, 100) == tuple(both.percentile_ms(share) for share in (0.90, 0.91, 0.99))
    assert 0.01 == both.error_share
    assert 0 == Measured().percentile_ms(0.5)
