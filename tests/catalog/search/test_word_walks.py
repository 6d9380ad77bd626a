"""Walks of what is asked for in words: on every backend, by every sort, both ways, while names and products come."""

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.question.near import POINT
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import DISTANCE, RELEVANCE, SORTS, Sort
from farmlokal.catalog.question.words import WORDS
from farmlokal.catalog.reading.loaders import Listing, ProductStore
from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.search.aliases import load_aliases
from farmlokal.catalog.search.interpretation import Interpretation
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database
from tests.catalog.questions import where
from tests.catalog.reference import Listed, reference_listing
from tests.catalog.walking import SIGNER, ids, page, walk
from tests.support.backends import on_every_backend
from tests.support.service import open_database

_ALIASES = load_aliases(None)
_TITLES = ("Tomato", "Tomatillo", "Okra", "Red Rice", "Rice", "Sweet Tomato", "Bhindi")
_VARIETIES = ("Red", "Rice", "Redcurrant", "Tomato", "Desi")
_QUESTIONS = ("tomato", "tom", "r", "red", "rice red", "tamatar desi", "भिंडी", "red rice", "xyzzy", "tomatto", "pune")
_EVERY_SORT = (*SORTS.values(), Sort(RELEVANCE))
_PLACES = ((None, None), (18.52, 73.857), (18.53, 73.857), (20.0, 73.8))
_HOME = POINT.parse("18.52,73.86")


class Searching:
    """One catalogue, its listing and what search knows of it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.writer = ProductWriter(database)
        self.cache = ReadThrough(MemoryTier(2**20), None, lifetime=Lifetime(30, 30), origin_loads=4)
        self.names = SearchNames(database, self.cache, _ALIASES)
        self.store = ProductStore(database)
        self.listing = Listing(self.store, SIGNER, self.names)

    async def apply(self, *changes: ProductRecord | Deletion) -> None:
        """Write, and say what it touched, as the service does."""
        applied = await self.writer.apply(changes)
        await self.cache.invalidate(frozenset().union(*(one.tags for one in applied)))

    def asked(self, text: str, sort: Sort, limit: int, **values: Any) -> ListingQuery:
        """The question for `text` with further filters, as it is understood now."""
        understood = self.names.index.interpret(text)
        return ListingQuery(
            where(q=understood, **{place.filter: place.value for place in understood.places} | values), sort, limit
        )


@pytest.fixture
async def searching(backend_url: str) -> AsyncIterator[Searching]:
    """An empty catalogue that is searched."""
    async with open_database(backend_url) as database:
        searching = Searching(database)
        await searching.names.start()
        yield searching


def record(number: int, draw: random.Random) -> ProductRecord:
    """A product with a name of two or three words, few values of each kind, and many ties."""
    lat, lon = draw.choice(_PLACES)
    return ProductRecord(
        "test",
        str(number),
        draw.randint(1, 2**30),
        f"{draw.choice(_TITLES)} ({draw.choice(_VARIETIES)})" if draw.random() < 0.8 else draw.choice(_TITLES),
        draw.choice(CATEGORIES[:2]),
        draw.choice([100, 200, 300]),
        "kg",
        district=draw.choice([None, "Pune", "Nashik"]),
        lat=lat,
        lon=lon,
        organic=draw.random() < 0.5,
        rating=draw.choice([None, 4.0, 5.0]),
        created_at=draw.choice(["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2025-12-31T23:59:59Z"]),
    )


def tier_of(name: str, understood: Interpretation) -> int | None:
    """The tier that a look at the name itself gives; None where it is not meant."""
    parts = [part.strip(" )").lower().split() for part in name.split("(")]
    words = {word for part in parts for word in part}
    titles = set(parts[0])
    if "bhindi" in words:
        words.add("okra")
        titles = {"okra" if word == "bhindi" else word for word in titles}
    groups = [set(group) for group in understood.groups]
    if not groups:
        return 0
    if not all(group & words for group in groups[:-1]):
        return None
    if groups[-1] & words:
        return 0 if len(groups) == len(titles) and all(group & titles for group in groups) else 1
    return 2 if any(word.startswith(one) for word in words for one in groups[-1]) else None


def expected(products: list[Listed], query: ListingQuery) -> list[int]:
    """The ids that `query` asks for, found by looking at each product."""
    understood = query.filters.get(WORDS)
    tiers = {listed[0]: tier_of(listed[1].name, understood) for listed in products}
    meant = [listed for listed in products if tiers[listed[0]] is not None]
    if query.sort.key is not RELEVANCE:
        return reference_listing(meant, query.filters, query.sort)
    newest = reference_listing(meant, query.filters, SORTS["-created_at"])
    return sorted(newest, key=lambda product_id: tiers[product_id] or 0)


async def listed(database: Database, records: dict[str, ProductRecord]) -> list[Listed]:
    """What is stored of `records`, with the ids that the database gave."""
    rows = await database.fetch("SELECT external_id, id, farm_id FROM products WHERE live = 1")
    return [(row[1], records[row[0]], row[2]) for row in rows]


async def check_walk(searching: Searching, products: list[Listed], query: ListingQuery) -> None:
    """Assert that the walk is what looking at each product gives, forward and back."""
    forward = await walk(searching.listing, query)
    assert expected(products, query) == ids(forward)
    assert all(len(one["data"]) == query.limit for one in forward[:-1])
    if forward[-1]["page"]["prev_cursor"] is not None:
        back = await walk(searching.listing, query, relation="prev_cursor", start=forward[-1]["page"]["prev_cursor"])
        assert forward[-2::-1] == back


@on_every_backend
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
async def test_walks(searching: Searching, seed: int) -> None:
    """Words with every sort, a place and other filters find what looking at each product finds, both ways."""
    draw = random.Random(seed)
    await searching.database.run_script(["DELETE FROM products"])
    records = {str(number): record(number, draw) for number in range(draw.randint(0, 40))}
    await searching.apply(*records.values())
    await searching.store.planner.refresh()
    await searching.names.catch_up()
    searching.names.index.places.add_regions("district", ["pune", "nashik"])
    products = await listed(searching.database, records)
    for _ in range(6):
        values = {
            "category": draw.choice([None, ["vegetables"]]),
            "max_price": draw.choice([None, None, 200]),
            "organic": draw.choice([None, None, True]),
        }
        sort = draw.choice(_EVERY_SORT)
        if draw.random() < 0.4:
            values |= {"near": _HOME, "radius_km": draw.choice([None, 10, 5000])}
            sort = draw.choice([Sort(DISTANCE), sort])
        query = searching.asked(draw.choice(_QUESTIONS), sort, draw.randint(1, 7), **values)
        await check_walk(searching, products, query)


@on_every_backend
@pytest.mark.parametrize("sort", _EVERY_SORT, ids=str)
async def test_while_names_come(searching: Searching, sort: Sort) -> None:
    """A walk goes on while names and products come and go: what stays is met once, and nothing twice."""
    draw = random.Random(16)
    stays = {str(number): record(number, draw)._replace(name="Tomato (Red)") for number in range(60)}
    await searching.apply(*stays.values())
    number = 1000

    async def change() -> None:
        nonlocal number
        number += 3
        made = [record(one, draw)._replace(name=f"Tomato ({one})") for one in range(number, number + 3)]
        await searching.apply(*made, Deletion("test", str(number - 2), 2**31))

    await searching.names.catch_up()
    met = ids(await walk(searching.listing, searching.asked("tomatto", sort, 7), between=change))
    rows = await searching.database.fetch("SELECT id FROM products WHERE name = 'Tomato (Red)'")
    assert sorted(met) == sorted(set(met))
    assert {row[0] for row in rows} <= set(met)


@on_every_backend
async def test_a_name_is_born(searching: Searching) -> None:
    """A name is found as soon as its birth is heard of, and a question that no name answers asks no database."""
    await searching.apply(record(1, random.Random(1))._replace(name="Okra"))
    await searching.names.catch_up()
    query = searching.asked("dragonfruit", Sort(RELEVANCE), 5)
    assert [] == (await page(searching.listing, query))["data"]
    await searching.apply(record(2, random.Random(1))._replace(name="Dragonfruit (Red)"))
    assert ["Dragonfruit (Red)"] == [one["name"] for one in (await page(searching.listing, query))["data"]]


@on_every_backend
async def test_suggestions(searching: Searching) -> None:
    """A page says how its words were understood, and what to ask where nothing is found."""
    await searching.apply(record(1, random.Random(1))._replace(name="Okra (Desi)"))
    await searching.names.catch_up()
    found = await page(searching.listing, searching.asked("bhindi", Sort(RELEVANCE), 5))
    assert {"q": "okra", "filters": {}} == found["search"]
    nothing = await page(searching.listing, searching.asked("okra hybrid", Sort(RELEVANCE), 5))
    assert {"q": "okra hybrid", "filters": {}, "suggestions": ["Okra"]} == nothing["search"]
