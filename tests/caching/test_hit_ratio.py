"""The memory tier against the alternatives and the best possible, on made-up traces; docs/cache.md holds the table."""

from collections.abc import Callable
from functools import cache, partial
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.hit_ratio import BEST, Row, measure, rows, table
from tests.bench.offline import belady_hits, bound_hits
from tests.bench.policies import ONLINE, PolicyMaker
from tests.bench.traces import Trace, drift, mixed_sizes, scan, shift, zipf

DOCS = Path(__file__).parents[2] / "docs" / "cache.md"
SMALL = {"pages": 10_000, "requests": 60_000}
TRACES: dict[str, Callable[[], Trace]] = {
    **{f"zipf-{exponent}": partial(zipf, exponent, **SMALL) for exponent in (0.8, 0.99, 1.1)},
    "scan": partial(scan, cold_pages=20_000, **SMALL),
    "scan-twice": partial(scan, visits=2, cold_pages=20_000, **SMALL),
    "jumps": partial(shift, **SMALL),
    "drifts": partial(drift, **SMALL),
    "sizes": partial(mixed_sizes, **SMALL),
}
SHIPS, LRU = "S3-FIFO (ships)", "LRU"


@cache
def measured(name: str) -> Row:
    """The hit ratios of one small trace, with room for a hundredth of the pages."""
    return measure(TRACES[name](), room_share=0.01)


@pytest.mark.parametrize("name", TRACES)
def test_the_tier_is_ahead_of_plain_lru(name: str) -> None:
    """With little room, on every trace, the tier answers more than LRU does."""
    assert measured(name).percent[SHIPS] > measured(name).percent[LRU]


@pytest.mark.parametrize("name", TRACES)
def test_no_policy_exceeds_the_best_possible(name: str) -> None:
    """What knows the future is ahead of everything that does not; otherwise the table would be wrong."""
    percent = measured(name).percent
    assert max(percent[policy] for policy in ONLINE) < percent[BEST]


@pytest.mark.parametrize(("plain", "scanned"), [("zipf-0.99", "scan"), ("zipf-0.99", "scan-twice")])
def test_a_crawler_costs_the_users_next_to_nothing(plain: str, scanned: str) -> None:
    """The users' hit ratio with a crawler at work is within one point of the ratio without; LRU loses more."""
    lost = {name: measured(plain).percent[name] - measured(scanned).percent[name] for name in (SHIPS, LRU)}
    assert lost[SHIPS] < 1 < lost[LRU]


pages = st.lists(st.integers(0, 4), max_size=9)


@given(pages, st.integers(1, 3))
def test_belady_is_the_best_of_all_choices(requests: list[int], entries_max: int) -> None:
    """On traces short enough to try everything, no choice of what to keep gives more hits."""
    assert most_hits(tuple(requests), entries_max) == belady_hits(requests, [7] * 5, 7 * entries_max + 6)


@given(pages, st.integers(1, 3))
def test_the_bound_for_mixed_sizes_is_never_below_belady(requests: list[int], entries_max: int) -> None:
    """Where the optimum is known, the bound that stands in for it elsewhere is not below it."""
    assert bound_hits(requests, [7] * 5, 7 * entries_max) >= belady_hits(requests, [7] * 5, 7 * entries_max)


@given(st.sampled_from(list(ONLINE.values())), st.lists(st.integers(0, 30), max_size=200))
def test_a_model_that_has_room_for_all_hits_every_second_time(make: PolicyMaker, requests: list[int]) -> None:
    """With room for everything, every policy misses the first visit to each page and no other."""
    policy = make(10_000_000, [2_000] * 31, [100] * 31)
    expected = [page in requests[:number] for number, page in enumerate(requests)]
    assert expected == [policy.ask(page) for page in requests]


@pytest.mark.proof
def test_the_table_in_the_docs_is_what_the_program_prints() -> None:
    """Every hit ratio in docs/cache.md is that of this code, to half a point."""
    written = cells(DOCS.read_text("utf-8"))
    for trace, figures in cells(table(rows(), {})).items():
        assert figures == pytest.approx(written[trace], abs=0.5), trace


def cells(text: str) -> dict[tuple[str, str], list[float]]:
    """The figures of the hit-ratio table in `text`, by trace and room."""
    rows = [line.strip("| ").replace("*", "").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    # Its second column is the room, a share of all pages; no other table of the page has one there.
    return {(row[0], row[1]): [float(cell) for cell in row[2:]] for row in rows if row[1].endswith("%")}


@cache
def most_hits(requests: tuple[int, ...], entries_max: int, held: frozenset[int] = frozenset()) -> int:
    """The most hits that `requests` can get from `held` on, found by trying every set that could be kept."""
    if not requests:
        return 0
    page, *rest = requests
    known = [*held | {page}]
    choices = [
        frozenset(kept) for size in range(min(entries_max, len(known)) + 1) for kept in combinations(known, size)
    ]
    return (page in held) + max(most_hits(tuple(rest), entries_max, kept) for kept in choices)
