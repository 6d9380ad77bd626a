"""Work in steps comes to what it would come to in one."""

import random
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from farmlokal.catalog.planning.columns import Texts
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.planning.stepwise import Steps, grouped, in_order
from tests.catalog.test_plans import made_up_rows

R = TypeVar("R")


def done(steps: Steps[R]) -> tuple[R, int]:
    """What the work comes to, and in how many steps."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


def content(sample: Sample) -> dict[str, Any]:
    """All that a sample says."""
    groups = {name: (list(of.sorted_values), list(of.starts), of.numbers) for name, of in sample.of_index.items()}
    return vars(sample) | {
        "columns": {
            name: column._replace(values=list(column.values) if isinstance(column.values, Texts) else column.values)
            for name, column in sample.columns.items()
        },
        "by_sort": {name: rows.numbers for name, rows in sample.by_sort.items()},
        "of_index": groups,
        "by_place": sample.by_place.numbers,
    }


@pytest.mark.parametrize("rows", [0, 1, 4095, 4096, 4097, 10_000])
@pytest.mark.parametrize("key", [lambda row: row[0], lambda row: (row[0], row[1])], ids=["ties", "none"])
def test_in_order_is_sorted(rows: int, key: Callable[[tuple[int, int]], Any]) -> None:
    """Equal rows keep their order, too."""
    draw = random.Random(rows)
    drawn = [(draw.randrange(1 + rows // 10), number) for number in range(rows)]
    draw.shuffle(drawn)
    ordered, steps = done(in_order(drawn, key))
    assert sorted(drawn, key=key) == ordered
    assert steps >= rows / 4096


def test_groups_are_whole_and_in_order() -> None:
    """Each row is in its group, in the order in which it came."""
    rows = list(range(10_000))
    groups, steps = done(grouped(rows, lambda row: row % 7))
    assert {rest: [row for row in rows if row % 7 == rest] for rest in range(7)} == groups
    assert steps == 3


async def test_a_sample_made_gradually_is_the_same() -> None:
    """Whichever way it was made, plans come out alike."""
    rows = made_up_rows()[:5_000]
    assert content(Sample(rows, 0.02)) == content(await Sample.arranged_gradually(rows, 0.02))
