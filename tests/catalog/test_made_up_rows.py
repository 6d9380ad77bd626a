"""A filter and a sort that nobody has thought of yet: a row each, and everything that is derived knows them."""

import random
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urljoin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.planning.planner import choose_plan
from farmlokal.catalog.question import storage
from farmlokal.catalog.question.filter_kinds import Between
from farmlokal.catalog.question.filters import CATEGORY, FILTERS, IN_STOCK
from farmlokal.catalog.question.forms import ID_MAX, whole
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.query import Filters, ListingQuery
from farmlokal.catalog.question.sorts import SORT_KEYS, Position, SortKey
from farmlokal.catalog.question.storage import Index
from farmlokal.catalog.question.table import QuestionTable
from farmlokal.catalog.reading.loaders import Listing, ProductStore
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database
from farmlokal.errors import Fault, InvalidInput
from farmlokal.web.openapi.document import document_of
from farmlokal.web.parameters.listing import parse_listing_query
from farmlokal.web.parameters.questions import link_base
from farmlokal.web.routes import routes_of
from tests.catalog.counted_reads import Catalogue, catalogue_at, seeded, wasted
from tests.catalog.questions import FIELDS, draw_question, row_order
from tests.catalog.walking import SIGNER, ids, walk
from tests.support.backends import on_every_backend, on_every_server
from tests.support.raw_requests import ask
from tests.support.service import open_database, serving, settings_for, sqlite_url
from tests.web.spellings import check_one_difference, questions, spellings

# A further predicate on a column that every index holds.
FARM_AT_MOST = Between(
    name="max_farm_id",
    high=QuestionParameter("max_farm_id", whole(1, ID_MAX), "farms that came early", 40),
    column=storage.FARM_ID,
)
# An order by a column that no index of the schema has, and that is not sampled for anything else.
BY_STOCK = SortKey(
    name="stock",
    column="stock",
    sampled=storage.stored("stock"),
    index=Index("listing_by_stock", "stock"),
    text=lambda _: "stock",
    read=int,
)
STOCK_INDEX = (
    "CREATE INDEX listing_by_stock ON products"
    " (live, stock, id, category, price, district_key, state_key, farm_id, in_stock, organic)"
)
MADE_UP = QuestionTable((*FILTERS, FARM_AT_MOST), (*SORT_KEYS, BY_STOCK))


QUESTIONS = (
    "max_farm_id=60",
    "max_farm_id=60&sort=name",
    "max_farm_id=60&sort=stock",
    "max_farm_id=3&sort=-stock",
    "max_farm_id=150&in_stock=false&sort=stock",
    "sort=stock&category=fruits,grains,milk",
    "sort=-stock",
)


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A catalogue of 400 products, with the index that the sort is made for."""
    async with open_database(backend_url) as opened:
        await opened.run_script([STOCK_INDEX])
        await ProductWriter(opened).apply(list(generate(1, 400)))
        yield opened


def ask_for(raw: str) -> ListingQuery:
    """The question that a query string asks, with the made-up rows."""
    return parse_listing_query(raw, SIGNER, MADE_UP)


async def expected_ids(database: Database, query: ListingQuery) -> list[int]:
    """The ids that a walk must meet, found the long way; by id alone where the sort is not the made-up one."""
    at_most, categories, in_stock = (query.filters.get(one) for one in (FARM_AT_MOST, CATEGORY, IN_STOCK))
    found = [
        (stock if query.sort.key is BY_STOCK else 0, row_id)
        for stock, row_id, farm_id, category in await database.fetch(
            "SELECT stock, id, farm_id, category FROM products WHERE live = 1"
        )
        if (at_most is None or (farm_id is not None and farm_id <= at_most.high))
        and (categories is None or category in categories)
        and in_stock in (None, stock > 0)
    ]
    return [row_id for _, row_id in sorted(found, reverse=query.sort.descending)]


@on_every_backend
@pytest.mark.parametrize("raw", QUESTIONS)
async def test_the_listing_filters_and_sorts(database: Database, raw: str) -> None:
    """A walk by cursors meets what passes in the order asked for, and the same pages on the way back."""
    store = ProductStore(database, MADE_UP)
    await store.planner.refresh()
    listing = Listing(store, SIGNER)
    query = replace(ask_for(raw), limit=7)
    pages = await walk(listing, query)
    expected = await expected_ids(database, query)
    assert 0 < len(expected) < 400 or not query.filters
    if query.sort.key is BY_STOCK:
        assert expected == ids(pages)
    assert sorted(expected) == sorted(ids(pages))
    if len(pages) > 1:
        back = await walk(listing, query, relation="prev_cursor", start=pages[-1]["page"]["prev_cursor"])
        assert pages[-2::-1] == back


@given(questions(MADE_UP), questions(MADE_UP))
def test_the_canonical_form_separates_them(one: ListingQuery, other: ListingQuery) -> None:
    """Two questions have one form exactly when they are one, also where only what is made up differs."""
    assert (one == other) == (one.canonical() == other.canonical())
    check_one_difference(one, other, MADE_UP)
    least = replace(one, filters=MADE_UP.filters_of({"max_farm_id": 7}))
    assert least.canonical() != replace(least, filters=MADE_UP.filters_of({"max_farm_id": 8})).canonical()
    assert least.canonical() != replace(least, filters=MADE_UP.filters_of({"farm_id": [7]})).canonical()


asked = questions(MADE_UP).flatmap(lambda query: st.tuples(st.just(query), spellings(query, MADE_UP)))


@given(asked)
def test_every_spelling_is_read(case: tuple[ListingQuery, str]) -> None:
    """Whatever way a question is written, it is that question; so is the link to its other pages."""
    query, raw = case
    assert query == ask_for(raw)
    assert replace(query, position=None) == ask_for(link_base(query).partition("?")[2].removesuffix("cursor="))


async def test_links_and_cursors_carry_them(tmp_path: Path) -> None:
    """Over HTTP, following the links from the first page to the last meets every product once."""
    url = sqlite_url(tmp_path)
    async with open_database(url) as opened:
        await opened.run_script([STOCK_INDEX])
        await ProductWriter(opened).apply(list(generate(1, 400)))
        expected = await expected_ids(opened, ask_for("max_farm_id=60&sort=-stock"))
    met: list[int] = []
    async with serving(settings_for(url), MADE_UP) as service:
        target = "/products?max_farm_id=0060&sort=-stock&limit=10"
        while target:
            answer = await ask(service.port, urljoin("/products", target))
            met += [product["id"] for product in answer.json()["data"]]
            links = dict(re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers.get("Link", "")))
            target = next((link for link, relation in links.items() if relation == "next"), "")
            assert not target or target.startswith("?max_farm_id=60&sort=-stock&limit=10&cursor=")
    assert expected == met


async def test_a_cursor_is_for_its_own_value(tmp_path: Path) -> None:
    """A cursor of one value of the made-up filter is refused with another value, and under another order."""
    cursor = SIGNER.seal(ask_for("max_farm_id=60&sort=stock"), Position(3, 7))
    assert Position(3, 7) == ask_for(f"sort=stock&max_farm_id=60&cursor={cursor}").position
    for raw in ("max_farm_id=61&sort=stock", "sort=stock", "max_farm_id=60", "max_farm_id=60&sort=-stock"):
        with pytest.raises(InvalidInput, match="must come from a page of the same filters and sort"):
            ask_for(f"{raw}&cursor={cursor}")


def test_faults_name_them() -> None:
    """What is allowed, and what there is, includes what is made up; without its rows, it is neither."""
    with pytest.raises(InvalidInput) as caught:
        ask_for("max_farm_id=0&sort=cost&min_farm_id=1")
    expected = [
        Fault("max_farm_id", "0", f"must be between 1 and {ID_MAX}"),
        Fault("sort", "cost", f"must be one of {', '.join(MADE_UP.sorts)}"),
        Fault(
            "min_farm_id",
            "1",
            "is not a parameter; these are: category, min_price, max_price, district, state, farm_id, min_rating,"
            " unit, in_stock, organic, near, radius_km, ids, q, max_farm_id, sort, limit, cursor",
        ),
    ]
    assert expected == list(caught.value.faults)
    with pytest.raises(InvalidInput) as caught:
        parse_listing_query("max_farm_id=5&sort=stock", SIGNER)
    assert ["max_farm_id", "sort"] == [fault.parameter for fault in caught.value.faults]


def test_the_document_has_them() -> None:
    """OpenAPI describes the made-up parameter, and the made-up orders of `sort`."""
    listed = document_of(routes_of(MADE_UP))["paths"]["/products"]["get"]["parameters"]
    by_name = {one["name"]: one for one in listed if "name" in one}
    assert "farms that came early" == by_name["max_farm_id"]["description"]
    schema = {"type": "integer", "minimum": 1, "maximum": ID_MAX, "examples": [40]}
    assert schema == by_name["max_farm_id"]["schema"]
    assert list(MADE_UP.sorts) == by_name["sort"]["schema"]["enum"]


@pytest.fixture
async def counted(backend_url: str) -> AsyncIterator[Catalogue]:
    """20,000 products on a server that counts its reads."""
    sample = await seeded(backend_url, 20_000, table=MADE_UP, indexes=[STOCK_INDEX])
    async for catalogue in catalogue_at(backend_url, 20_000, sample):
        yield catalogue


@pytest.mark.proof
@on_every_server
async def test_the_planner_keeps_their_bound(counted: Catalogue) -> None:
    """With the made-up filter, order, both, and others beside: within the bound, or no other plan is twice as good.

    A page deep within the made-up order, forward and back, is read from its own index alone.
    """
    draw = random.Random(6)
    by_stock = counted.sample.by_sort["stock"]
    last_farm = max(row[MADE_UP.places["farm_id"]] or 0 for row in by_stock)
    wasteful = []
    for number in range(120):
        query = draw_question(draw, counted.sample, draw.sample(FIELDS, number % 3))
        if number % 4:
            at_most = round(last_farm ** draw.uniform(0, 1))
            query = replace(query, filters=Filters([*query.filters, *MADE_UP.filters_of({"max_farm_id": at_most})]))
        if (found := await wasted(counted, query)) is not None:
            wasteful.append(found)
    assert len(wasteful) <= 1, wasteful
    for backward in (False, True):
        value, row_id = row_order("stock", MADE_UP)(by_stock[len(by_stock) // 2])
        position = Position(value, row_id, backward)
        query = replace(ask_for(f"max_farm_id={ID_MAX}&sort=stock"), position=position)
        plan = choose_plan(query, counted.sample)
        assert {"listing_by_stock"} == {scan.index for scan in plan.scans}
        assert await counted.uses_covering_indexes(query, plan)
        assert await counted.reads(query, plan) <= 200
