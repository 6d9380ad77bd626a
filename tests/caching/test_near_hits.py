"""What a neighbourhood's households find in the cache, by how exactly they say where they are."""

from pathlib import Path

import pytest

from tests.bench.near_hits import DECIMALS, ROOMS, measure, rows, shopping, table

DOCS = Path(__file__).parents[2] / "docs" / "cache.md"
_, ROOMY = ROOMS


def test_neighbours_share_entries_with_two_decimals_and_not_with_three() -> None:
    """The same requests are fewer different pages with two decimals, more of them answered, and fewer loads."""
    two, three = (measure(shopping(50), decimals, ROOMY) for decimals in DECIMALS)
    assert two.requests == three.requests == len(shopping(50))
    assert two.pages < three.pages
    assert two.fresh + two.stale > three.fresh + three.stale
    assert two.first > three.first
    assert two.loads < three.loads


def test_with_room_for_all_every_page_is_missed_once_at_most() -> None:
    """But for those that are asked for again when their stale time is over, what was loaded before is found."""
    row = measure(shopping(50), 3, ROOMY)
    misses = row.requests * (1 - row.answered)
    assert row.pages <= round(misses) < 1.05 * row.pages
    assert row.requests * row.loads >= misses


@pytest.mark.proof
@pytest.mark.timeout(600)
def test_the_table_in_the_docs_is_what_the_program_prints() -> None:
    """Every line of the program's table stands in docs/cache.md."""
    written = DOCS.read_text("utf-8").splitlines()
    assert [] == [line for line in table(rows()).splitlines() if line not in written]
