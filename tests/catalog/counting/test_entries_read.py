"""What a summary reads, counted by the server: never more entries of an index than it may, and no row at all."""

import random
import re
from typing import Any

import pytest

from farmlokal.catalog.counting.summary import ENTRIES_MAX
from farmlokal.catalog.planning.sample import draw_sample
from farmlokal.catalog.question.near import POINT
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.question.words import NAMED
from farmlokal.catalog.reading.statement import Statement
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.dialect import MYSQL
from farmlokal.database.interface import Params, TextRow
from tests.catalog.counted_reads import Catalogue, catalogue_at, seeded
from tests.catalog.counting.summaries import summaries_over, summary
from tests.catalog.questions import FIELDS, draw_question, row_type, where
from tests.support.backends import on_every_server
from tests.support.service import open_database


class Counting:
    """A catalogue in place of a database: runs the statements of summaries, and counts what they read.

    reads: entries of indexes that the server read since it was last set to nothing. bounds: at most so many ends of
    ranges it met meanwhile: where one ends, an entry is read that is not in it.
    """

    dialect = MYSQL

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.reads = 0
        self.bounds = 0

    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        """The rows that a statement selects, as texts."""
        cursor = self._catalogue.cursor
        (index,) = re.findall(r"FORCE INDEX \((\w+)\)", sql)
        assert await self._catalogue.is_covered(Statement(sql, tuple(params)), {index})
        before = await self._catalogue.handler_reads()
        await cursor.execute(sql, params)
        rows = await cursor.fetchall()
        # To find the group of what is counted, the server looks into a table that it has in memory, once for each.
        looked_up = sum(int(row[2]) for row in rows)
        self.bounds += len(params) + 1
        self.reads += await self._catalogue.handler_reads() - before - looked_up
        return [[None if value is None else str(value).encode() for value in row] for row in rows]


def draw_filters(draw: random.Random, catalogue: Catalogue) -> Filters:
    """Up to four filters as users ask them; now and then some names, or a disc."""
    covered = [field for field in FIELDS if field != "unit"]
    filters = draw_question(draw, catalogue.sample, draw.sample(covered, draw.randint(1, 4))).filters
    rows = [row_type()._make(row) for row in draw.sample(catalogue.sample.by_sort["created_at"], 3)]
    if draw.random() < 0.2:
        return Filters([*filters, (NAMED, tuple(sorted({row.name_id for row in rows})))])
    if draw.random() < 0.2:
        point = POINT.read(draw.choice(["18.52,73.857", "12.972,77.594", "0,0"]))
        return Filters([*filters, *where(near=point, radius_km=draw.choice([30, 500, 3000]))])
    return filters


async def check(catalogue: Catalogue, questions: int, entries_max: int, *, seed: int) -> None:
    """Ask, and hold each question to the bound; some are counted, and some not even tried."""
    counting: Any = Counting(catalogue)
    summaries = summaries_over(counting, catalogue.sample, entries_max=entries_max)
    draw = random.Random(seed)
    counted = 0
    for _ in range(questions):
        filters = draw_filters(draw, catalogue)
        counting.reads = counting.bounds = 0
        before = summaries.entries
        total = (await summary(summaries, filters))["total"]
        counted += total["exact"]
        entries = summaries.entries - before
        assert entries <= entries_max, filters
        assert entries <= counting.reads <= entries + counting.bounds, filters
    assert 0 < counted < questions
    assert {"exact": counted, "estimated": questions - counted} == dict(summaries.totals)


@on_every_server
async def test_no_more_entries_are_read_than_allowed(backend_url: str) -> None:
    """With few entries allowed, in a small catalogue."""
    async with open_database(backend_url) as database:
        await ProductWriter(database).apply(list(generate(1, 1500)))
        sample = await draw_sample(database)
    async for catalogue in catalogue_at(backend_url, 1500, sample):
        await check(catalogue, 40, 150, seed=1)


@pytest.mark.proof
@pytest.mark.timeout(900)
@on_every_server
async def test_no_more_entries_are_read_than_allowed_of_many(backend_url: str) -> None:
    """With as many as there are, of 150,000 products."""
    async for catalogue in catalogue_at(backend_url, 150_000, await seeded(backend_url, 150_000)):
        await check(catalogue, 300, ENTRIES_MAX, seed=2)
