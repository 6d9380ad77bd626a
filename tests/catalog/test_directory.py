"""The directory: places and farms with their numbers of products, by name, as a look at each product gives them."""

import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, NamedTuple

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.normalise import place_key
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.directory import (
    FARM_PARAMETERS,
    PLACE_PARAMETERS,
    DirectoryQuery,
    directory_query,
    name_words,
)
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.reading.directory import Directory
from farmlokal.catalog.reading.hints import Hinting
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.directory_counts import count_directory
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database, Session
from tests.catalog.counted_reads import catalogue_at, one_connection
from tests.catalog.walking import SIGNER
from tests.support.backends import on_every_backend, on_every_server
from tests.support.service import open_database
from tests.web.spellings import awkward, printable

# A district of one name in two states, a name in several spellings, one in another script, places without the greater.
STATES = [None, "Maharashtra", "MAHARASHTRA", "Bihar", "महाराष्ट्र"]
DISTRICTS = [None, "Aurangabad", "Pune", "PUNE", "पुणे"]
MARKETS = [None, "Pimpri", "Pune (Manjri)", "Pune(Moshi)"]
FARMS = [None, "Patil Farm", "PATIL  FARM", "पाटील फार्म", "Rao & Sons"]


class Listed(NamedTuple):
    """A line of the directory, and what it is ordered by."""

    words: str
    line: dict[str, Any]


def records(draw: random.Random, count: int) -> list[ProductRecord]:
    """Products with few places and farms."""
    return [
        ProductRecord(
            "test",
            str(number),
            1,
            "Tomato",
            draw.choice(CATEGORIES[:3]),
            100,
            "kg",
            farm=draw.choice(FARMS),
            market=draw.choice(MARKETS),
            district=draw.choice(DISTRICTS),
            state=draw.choice(STATES),
        )
        for number in range(count)
    ]


def key(name: str | None) -> str:
    """The normal form of a place's name; empty for none."""
    return place_key(name) if name else ""


def expected_places(products: list[ProductRecord], level: str, state: str | None, begins: str) -> Counter[str]:
    """How many products each place has, by its level and its normal form, those of the greater places before it."""
    found: Counter[str] = Counter()
    for one in products:
        parts = {"state": one.state, "district": one.district, "market": one.market}
        name = parts[level]
        if name is None or (state is not None and key(one.state) != state) or not name_words(name).startswith(begins):
            continue
        whole = {
            "state": (one.state,),
            "district": (one.state, one.district),
            "market": (one.state, one.district, one.market),
        }
        found["|".join(map(key, whole[level]))] += 1
    return found


def told(line: dict[str, Any]) -> str:
    """The identity that a line of the directory tells."""
    if line["level"] == "state":
        return key(line["name"])
    middle = [line["district"]] if line["level"] == "market" else []
    return "|".join(map(key, (line["state"], *middle, line["name"])))


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """An empty catalogue."""
    async with open_database(backend_url) as opened:
        yield opened


async def walk(directory: Directory, query: DirectoryQuery, relation: str = "next") -> list[dict[str, Any]]:
    """Every page from the query's own on."""
    load = directory.places if query.name == "places" else directory.farms
    pages = []
    while True:
        page = orjson.loads((await load(query)).body)
        pages.append(page)
        cursor = page["page"][f"{relation}_cursor"]
        assert page["page"]["has_more"] == (page["page"]["next_cursor"] is not None)
        if cursor is None:
            return pages
        query = replace(query, position=SIGNER.open_for(query.question, cursor, "must fit"))


async def check_walk(directory: Directory, query: DirectoryQuery) -> list[dict[str, Any]]:
    """The lines of a walk, whose pages are those of the walk back, and in the order of the names."""
    pages = await walk(directory, query)
    assert all(len(page["data"]) == query.limit for page in pages[:-1])
    back = pages[-1]["page"]["prev_cursor"]
    if back is not None:
        position = SIGNER.open_for(query.question, back, "must fit")
        returned = await walk(directory, replace(query, position=position), "prev")
        assert [page["data"] for page in pages[-2::-1]] == [page["data"] for page in returned]
    lines = [line for page in pages for line in page["data"]]
    words = [name_words(line["name"]) for line in lines]
    assert sorted(words) == words
    return lines


@on_every_backend
async def test_every_list_is_that_of_a_look_at_each_product(database: Database) -> None:
    """Whatever level, state, district and beginning: names and numbers agree, before and after products change."""
    draw = random.Random(3)
    writer, directory = ProductWriter(database), Directory(database, SIGNER, Hinting(database, {}))
    products = records(draw, 120)
    await writer.apply(products)
    for turn in range(2):
        assert await count_directory(database) > 0
        assert 0 == await count_directory(database)
        for level in ("state", "district", "market"):
            for state in (None, "maharashtra", "bihar"):
                for begins in ("", "p", "pune", "pune m", "पु"):
                    values = {"level": level, "state": state, "q": begins, "limit": 2}
                    asked = {name: value for name, value in values.items() if value}
                    lines = await check_walk(directory, directory_query("places", PLACE_PARAMETERS, asked))
                    expected = expected_places(products, level, state, begins)
                    assert expected == {told(line): line["products"] for line in lines}
                    assert len(expected) == len(lines)
        await check_farms(database, directory, products)
        # What is gone is not listed, and what moved is counted where it is.
        gone = [one for number, one in enumerate(products) if number % 3 == 0 or one.state == "Bihar"]
        await writer.apply([Deletion("test", one.external_id, 5 + turn) for one in gone])
        products = [one for one in products if one not in gone]
        moved = [one._replace(version=9, market="Pimpri", district="Pune") for one in products[::2]]
        await writer.apply(moved)
        products = [*moved, *products[1::2]]


async def check_farms(database: Database, directory: Directory, products: list[ProductRecord]) -> None:
    """The farms of every district by every beginning, and each farm by itself."""
    rows = await database.fetch("SELECT external_id, farm_id FROM products WHERE live = 1 AND farm_id IS NOT NULL")
    by_name = {one.external_id: one for one in products}
    farms = Counter(farm_id for _, farm_id in rows)
    of_farm = {farm_id: by_name[name] for name, farm_id in rows}
    for district in (None, "pune", "aurangabad", "nowhere"):
        for begins in ("", "patil", "पाटी", "x"):
            values = {"district": district, "q": begins, "limit": 3}
            asked = {name: value for name, value in values.items() if value}
            lines = await check_walk(directory, directory_query("farms", FARM_PARAMETERS, asked))
            assert {line["id"]: line["products"] for line in lines} == {
                farm_id: count
                for farm_id, count in farms.items()
                if (district is None or key(of_farm[farm_id].district) == district)
                and name_words(of_farm[farm_id].farm or "").startswith(begins)
            }
            for line in lines[:3]:
                assert line == orjson.loads((await directory.farm(line["id"])).body)
                assert key(of_farm[line["id"]].state) == key(line["state"])


@on_every_backend
async def test_a_farm_that_is_new_is_counted_at_once(database: Database) -> None:
    """Who opens a farm before the next count sees its products; a farm without any stays, and no number is none."""
    directory = Directory(database, SIGNER, Hinting(database, {}))
    product = ProductRecord("test", "1", 1, "Okra", "vegetables", 100, "kg", farm="Rao Farm", district="Pune")
    writer = ProductWriter(database)
    await writer.apply([product])
    expected = {"id": 1, "name": "Rao Farm", "district": "Pune", "state": None, "products": 1}
    assert expected == orjson.loads((await directory.farm(1)).body)
    assert 2 == await count_directory(database)
    assert expected == orjson.loads((await directory.farm(1)).body)
    await writer.apply([Deletion("test", "1", 2)])
    assert 2 == await count_directory(database)
    assert {**expected, "district": None, "products": 0} == orjson.loads((await directory.farm(1)).body)
    assert (await directory.farm(2)).negative


@on_every_server
async def test_a_page_reads_its_own_rows(backend_url: str) -> None:
    """Of three thousand farms and places a page reads a page's: all, of one district, by a beginning, deep, back."""
    async with open_database(backend_url) as database:
        rows = [(n, ("pune", "satara")[n % 2], f"farm {n:05}", f"Farm {n:05}") for n in range(3000)]
        for table, columns in (
            ("listed_farms (id, district_key, words, name, products)", "%s, %s, %s, %s, 1"),
            ("places (market_key, state_key, words, name, products, level, district_key)", "%s, %s, %s, %s, 1, 3, ''"),
        ):

            async def fill(session: Session, insert: str = f"INSERT INTO {table} VALUES ({columns})") -> None:
                await session.execute_many(insert, rows)

            await database.in_transaction(fill)
    async for catalogue in catalogue_at(backend_url, 0, Sample((), 1.0)):
        asked = one_connection(catalogue.cursor)
        directory = Directory(asked, SIGNER, Hinting(asked, {}))
        for name, held in (("farms", "district"), ("places", "state")):
            level = (("level", "market"),) if name == "places" else ()
            for values in ((), ((held, "pune"),), ((held, "pune"), ("q", "farm 02")), (("q", "farm 01"),)):
                for position in (None, Position("farm 01500", 1500), Position("farm 01500", 1500, backward=True)):
                    before = await catalogue.handler_reads()
                    query = DirectoryQuery(name, (*level, *values), 20, position)
                    await (directory.farms if name == "farms" else directory.places)(query)
                    assert await catalogue.handler_reads() - before <= 30, query.canonical()


texts = st.one_of(awkward, printable, st.text()).map(name_words).filter(bool)
questions = st.builds(
    DirectoryQuery,
    st.just("places"),
    st.lists(st.tuples(st.sampled_from(["level", "state", "q"]), texts), unique_by=lambda pair: pair[0]).map(
        lambda pairs: tuple(sorted(pairs))
    ),
    st.integers(1, 100),
    st.none() | st.builds(Position, texts, st.integers(1, 2**63 - 1), st.booleans()),
)


@given(questions, questions)
def test_two_questions_of_the_directory_never_meet(one: DirectoryQuery, other: DirectoryQuery) -> None:
    """Canonical forms are equal exactly when the questions are."""
    assert (one == other) == (one.canonical() == other.canonical())


@given(st.one_of(awkward, printable, st.text()))
def test_the_words_of_words_are_these(text: str) -> None:
    """What a name begins with is its own canonical text: links may carry it in place of what was typed."""
    assert name_words(text) == name_words(name_words(text))
