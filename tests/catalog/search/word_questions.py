"""Questions in words, drawn as people type them, and what a server reads for them."""

import random
from typing import Any

from farmlokal.catalog.planning.planner import choose_plan
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import RELEVANCE, SORTS, Position, Sort
from farmlokal.catalog.question.words import WORDS
from farmlokal.catalog.reading.rows import ShownRow
from farmlokal.catalog.reading.searching import names_found, rows_in_words
from farmlokal.catalog.reading.statement import page_statement
from farmlokal.catalog.search.aliases import load_aliases
from farmlokal.catalog.search.index import SearchIndex
from farmlokal.catalog.search.vocabulary import Name
from farmlokal.database.dialect import MYSQL
from tests.catalog.counted_reads import READS_MIN, Catalogue
from tests.catalog.questions import draw_question, row_order, where
from tests.catalog.search.vocabularies import index_of

_EVERY_SORT = (*SORTS.values(), Sort(RELEVANCE))
_FIELDS: tuple[list[str], ...] = (
    *([], [], ["category"], ["price"], ["category", "price"], ["district"], ["farm"], ["organic"], ["state", "price"]),
)


async def index_at(catalogue: Catalogue) -> SearchIndex:
    """The index of the names in a catalogue."""
    await catalogue.cursor.execute("SELECT id, name, category, products FROM names")
    return index_of([Name(*row) for row in await catalogue.cursor.fetchall()], load_aliases(None))


def draw_words(draw: random.Random, catalogue: Catalogue, index: SearchIndex) -> ListingQuery:
    """A question of one word or two, whole or just begun, with other filters or none, on the first page or deep."""
    known = draw.choice(index.vocabulary.names)
    words = draw.sample(sorted(known.words), min(len(known.words), draw.choice([1, 1, 1, 2])))
    if draw.random() < 0.2:
        words = [draw.choice(sorted(draw.choice(index.vocabulary.names).words)) for _ in range(2)]
    if draw.random() < 0.3:
        words[-1] = words[-1][: draw.randint(1, 4)]
    base = draw_question(draw, catalogue.sample, draw.choice(_FIELDS))
    values: dict[str, Any] = {"q": index.interpret(" ".join(words))}
    sort = draw.choice(_EVERY_SORT)
    position = None
    if draw.random() < 0.5:
        row = draw.choice(catalogue.sample.by_sort["created_at"])
        order = row_order("created_at" if sort.key is RELEVANCE else sort.name)(row)
        value = f"{draw.randrange(3)} {order[0]}" if sort.key is RELEVANCE else order[0]
        position = Position(value, order[1], backward=draw.random() < 0.3)
    asked = where(**values)
    return ListingQuery(type(asked)([*asked, *base.filters]), sort, 20, position)


async def reads_of(catalogue: Catalogue, index: SearchIndex, query: ListingQuery) -> int:
    """The index entries that the server reads for a page in words, all statements together."""
    total = 0

    async def fetch(part: ListingQuery) -> list[ShownRow]:
        nonlocal total
        plan = choose_plan(part, catalogue.sample)
        total += await catalogue.reads(part, plan)
        statement = page_statement(part, MYSQL, plan)
        await catalogue.cursor.execute(statement.sql, statement.params)
        return [ShownRow(b"", str(row[1]).encode()) for row in await catalogue.cursor.fetchall()]

    await rows_in_words(query, names_found(index, query.filters), fetch)
    return total


async def check_words(catalogue: Catalogue, count: int, *, seed: int) -> None:
    """Ask `count` questions in words, with other filters or none, and hold them to the bound.

    A sample shows few rows of what words and filters leave over, and what a word means may lie anywhere in an order:
    about one question in 150 reads more than the bound; one in fifty may, and none more than four times as much.
    """
    draw = random.Random(seed)
    index = await index_at(catalogue)
    over: list[tuple[int, str]] = []
    for _ in range(count):
        query = draw_words(draw, catalogue, index)
        reads = await reads_of(catalogue, index, query)
        if reads > catalogue.bound + READS_MIN:
            over.append((reads, f"{query.filters.get(WORDS).text}: {query.canonical()}"))
    assert len(over) <= count // 50, over
    assert all(reads <= 4 * catalogue.bound for reads, _ in over), over
