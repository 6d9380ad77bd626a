"""What is estimated lies within the bounds that are stated of it, in more than 95 of 100 cases."""

import random
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.planning.sample import SAMPLE_ROWS, Sample, draw_sample
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.question.storage import SampledRow
from tests.catalog.counted_reads import seeded
from tests.catalog.counting.summaries import estimates_of, summary, told
from tests.catalog.questions import FIELDS, draw_question, row_type
from tests.support.service import open_database

# What is said: at least 95 of 100. The intervals are those of 99.
HELD_MIN = 0.95


class Kept(NamedTuple):
    """How many numbers of a kind were estimated, and how many of these lay within their bounds."""

    estimated: int
    held: int

    @property
    def share(self) -> float:
        """The second of the first."""
        return self.held / self.estimated


def draw_filters(draw: random.Random, whole: Sample) -> Filters:
    """Up to three filters, as users and crawlers ask them."""
    return draw_question(draw, whole, draw.sample(FIELDS, draw.randint(0, 3))).filters


def part_of(rows: Sequence[SampledRow], ids: int, drawn: int, draw: random.Random) -> Sample:
    """A sample by random ids, of which there were `ids`; some have no product any more."""
    chosen = set(draw.sample(range(1, ids + 1), drawn))
    return Sample([row for row in rows if row[0] in chosen], drawn / ids, drawn=drawn)


async def check(whole: Sample, questions: int, parts: Sequence[Sample]) -> dict[str, Kept]:
    """Ask, and compare what each of `parts` says with what there is. whole: all products.

    Returns, by kind of number, how many there were and how many held.
    """
    draw = random.Random(3)
    truth, guesses = estimates_of(whole), [estimates_of(part) for part in parts]
    estimated: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for _ in range(questions):
        filters = draw_filters(draw, whole)
        true = told(await summary(truth, filters))
        for guess in guesses:
            for name, number, count in compared(true, told(await summary(guess, filters))):
                assert not count["exact"]
                assert count["low"] <= count["value"] <= count["high"]
                estimated[name] += 1
                held[name] += count["low"] <= number <= count["high"]
    return {name: Kept(estimated[name], held[name]) for name in estimated}


def compared(true: dict[str, Any], said: dict[str, Any]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Of each number that was said: the name of its kind, what it truly is, and what was said."""
    for name, values in said.items():
        for value, count in values.items():
            # Which districts are the commonest the two may see differently.
            if value in true[name] and (name, value) != ("district", None):
                yield name, true[name][value]["value"], count


def made_up_rows(draw: random.Random, ids: int) -> list[SampledRow]:
    """Products of which a tenth was deleted; few values are common, and what is dear is seldom organic."""
    row = row_type()
    districts = [f"district {number}" for number in range(200)]
    rows = []
    for number in range(1, ids + 1):
        if draw.random() < 0.1:
            continue
        paise = int(10 ** draw.uniform(2.5, 6))
        values = dict.fromkeys(row._fields)
        values |= {
            "id": number,
            "created_at": f"2026-11-{draw.randint(1, 28)}T00:00:00Z",
            "price_paise": paise,
            "name_key": f"name {draw.randrange(50)}",
            "rating_key": draw.choice([0, 0, draw.randint(1, 501)]),
            "category": draw.choices(CATEGORIES, [1 / rank for rank in range(1, len(CATEGORIES) + 1)])[0],
            "district_key": districts[min(199, int(draw.expovariate(0.05)))],
            "state_key": draw.choice(["goa", "kerala", "kerala"]),
            "farm_id": draw.randrange(1, 900),
            "in_stock": int(draw.random() < 0.8),
            "organic": int(draw.random() < (0.02 if paise > 20_000 else 0.2)),
        }
        rows.append(tuple(row(**values)))
    return rows


async def test_intervals_hold() -> None:
    """In a small made-up catalogue, with samples of a twentieth, for the total and for each facet."""
    draw = random.Random(1)
    ids = 6_000
    rows = made_up_rows(draw, ids)
    parts = [part_of(rows, ids, 300, draw) for _ in range(3)]
    kept = await check(Sample(rows, 1.0), 40, parts)
    assert {"total", "category", "district", "price", "organic", "in_stock", "rating"} == set(kept)
    assert [] == [(name, one) for name, one in kept.items() if one.share < HELD_MIN]


async def test_what_a_curve_would_state_does_not_hold() -> None:
    """Two standard errors, the fast answer, miss far more often: where little was drawn they are too narrow."""
    draw = random.Random(2)
    draws, missed, tried = 300, 0, 4000
    for _ in range(tried):
        share = 10 ** draw.uniform(-4, -1)
        found = sum(draw.random() < share for _ in range(draws)) / draws
        missed += abs(found - share) > 2 * (found * (1 - found) / draws) ** 0.5
    assert missed / tried > 2 * (1 - HELD_MIN)


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_intervals_hold_on_the_seed(mysql_url: str) -> None:
    """Of 1,000 questions to 50,000 products, by four samples that are as small a part as at a million."""
    products = 50_000
    await seeded(mysql_url, products)
    async with open_database(mysql_url) as database:
        whole = await draw_sample(database, rows=products, choose=lambda ids, _: list(ids))
    rows, draw = whole.by_sort["created_at"], random.Random(4)
    drawn = products * SAMPLE_ROWS // 1_000_000
    parts = [part_of(rows, products, drawn, draw) for _ in range(4)]
    kept = await check(whole, 1_000, parts)
    sys.stdout.writelines(f"{name}: {one.estimated} estimated, {one.share:.4f} held\n" for name, one in kept.items())
    assert [] == [(name, one) for name, one in kept.items() if one.share < HELD_MIN]
