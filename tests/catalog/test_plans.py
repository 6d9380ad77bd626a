"""Plans: whichever is chosen, the page is the same; and the choice follows the sample."""

import random
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.places import cell_at, vector_of
from farmlokal.catalog.planning.cost import candidates
from farmlokal.catalog.planning.planner import Plan, Scan, choose_plan
from farmlokal.catalog.planning.sample import Sample, draw_sample
from farmlokal.catalog.question.filters import CATEGORY
from farmlokal.catalog.question.query import Filters, ListingQuery
from farmlokal.catalog.question.sorts import SORTS, Position
from farmlokal.catalog.question.table import TABLE
from farmlokal.catalog.question.words import NAMED
from farmlokal.catalog.reading.statement import page_statement
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Row
from tests.catalog.questions import FIELDS, draw_question, row_order, row_type, where
from tests.support.service import open_database, sqlite_url


def _place(record: ProductRecord) -> tuple[int | None, ...]:
    if record.lat is None or record.lon is None:
        return (None,) * 4
    cell = cell_at(record.lat, record.lon)
    return (cell, *vector_of(cell))


@cache
def made_up_rows() -> list[Any]:
    """A sample's rows of 20,000 made-up products; the first to ask for them has them made."""
    return [
        row_type()(
            number,
            record.created_at or "",
            record.price_paise,
            text_key(record.name),
            0 if record.rating is None else round(record.rating * 100) + 1,
            record.category,
            text_key(record.district or ""),
            text_key(record.state or ""),
            number % 500,
            record.unit,
            int((record.stock or 0) > 0),
            int(record.organic),
            *_place(record),
            number % 900,
        )
        for number, record in enumerate(generate(1, 20_000), 1)
    ]


@cache
def made_up_sample() -> Sample:
    """Those rows as if each stood for fifty."""
    return Sample(made_up_rows(), 0.02)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
async def test_every_plan_finds_the_same_page(tmp_path: Path, data: st.DataObject) -> None:
    """Each index alone, and one scan for each category merged, give the rows that the chosen plan gives."""
    async with open_database(sqlite_url(tmp_path)) as database:
        await ProductWriter(database).apply(list(generate(1, 400)))
        sample = await draw_sample(database)
        product = row_type()._make(data.draw(st.sampled_from(sample.by_sort["name"])))
        sort = data.draw(st.sampled_from(list(SORTS.values())))
        filters = where(
            category=data.draw(st.sampled_from([(), (product.category,), ("fruits", "grains", "vegetables")])),
            min_price=data.draw(st.sampled_from([None, product.price_paise])),
            district=data.draw(st.sampled_from([None, product.district_key])),
            state=data.draw(st.sampled_from([None, product.state_key])),
            farm_id=data.draw(st.sampled_from([None, product.farm_id])),
        )
        value, row_id = row_order(sort.name)(product)
        position = data.draw(st.sampled_from([None, Position(value, row_id), Position(value, row_id, backward=True)]))
        query = ListingQuery(filters, sort, 5, position)

        async def rows(plan: Plan) -> list[Row]:
            statement = page_statement(query, database.dialect, plan)
            return await database.fetch(statement.sql, statement.params)

        expected = await rows(choose_plan(query, sample))
        for candidate in candidates(filters, sample):
            assert expected == await rows(Plan((Scan(candidate.index.name, filters, 0),)))
        categories = filters.get(CATEGORY) or ()
        if len(categories) > 1:
            alone = [filters.narrowed(CATEGORY, (slug,)) for slug in categories]
            scans = tuple(Scan("listing_by_price", one, 0) for one in alone)
            assert expected == await rows(Plan(scans))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (ListingQuery(), "listing_by_created_at"),
        (ListingQuery(where(category=["fruits"]), SORTS["price"]), "listing_of_category_by_price"),
        (ListingQuery(where(district="pune")), "listing_of_district"),
        (ListingQuery(where(organic=True), SORTS["-rating"]), "listing_by_rating"),
        (ListingQuery(where(min_price=5000), SORTS["-price"]), "listing_by_price"),
        (ListingQuery(where(min_price=2000, max_price=4000)), "listing_by_created_at"),
        (ListingQuery(where(farm_id=7), SORTS["name"]), "listing_of_farm_by_name"),
        (ListingQuery(where(district="nowhere"), SORTS["name"]), "listing_of_district"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.canonical() or "everything",
)
def test_the_plan_follows_the_question(query: ListingQuery, index: str) -> None:
    """A broad filter walks the order asked for, a rare one takes its own range."""
    assert [index] == [scan.index for scan in choose_plan(query, made_up_sample()).scans]


def test_few_at_one_end_of_the_prices_are_found_by_their_price() -> None:
    """A lowest price that few reach is a range of that order, whatever order is asked for."""
    dear = made_up_sample().by_sort["price"][-20][TABLE.places["price_paise"]]
    plan = choose_plan(ListingQuery(where(min_price=dear)), made_up_sample())
    assert ["listing_by_price"] == [scan.index for scan in plan.scans]


def test_several_categories_are_merged_where_walking_would_be_long() -> None:
    """Rare categories that gather at one end of the names get a scan each."""
    query = ListingQuery(where(category=["oils", "pickles"]), SORTS["name"])
    assert ["listing_of_category_by_name"] * 2 == [scan.index for scan in choose_plan(query, made_up_sample()).scans]


RARE = ["champhai", "dhalai", "mokokchung", "south andaman"]


@pytest.mark.parametrize(
    ("query", "indexes"),
    [
        (ListingQuery(where(district=RARE)), {"listing_of_district": 4}),
        (ListingQuery(where(district=RARE), SORTS["price"]), {"listing_of_district": 1}),
        (ListingQuery(where(farm_id=[1, 2]), SORTS["price"]), {"listing_of_farm_by_price": 2}),
        (ListingQuery(where(farm_id=[1, 2]), SORTS["name"]), {"listing_of_farm_by_name": 2}),
        (ListingQuery(where(farm_id=[1, 2])), {"listing_of_farm_by_price": 1}),
        (ListingQuery(where(state=["gujarat", "maharashtra"])), {"listing_by_created_at": 1}),
        # Two have several values: one at most is taken apart, and each of its scans looks for any of the other's.
        (ListingQuery(where(district=RARE, category=["oils", "spices"])), {"listing_of_district": 1}),
        (
            ListingQuery(where(state=["bihar", "goa"], category=["oils", "pickles"]), SORTS["name"]),
            {"listing_of_category_by_name": 2},
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value.canonical(),
)
def test_several_values_are_merged_sorted_together_or_walked_past(query: ListingQuery, indexes: dict[str, int]) -> None:
    """Few of many products are worth a scan each in their own order, a range of few under another, all else a walk."""
    plan = choose_plan(query, made_up_sample())
    assert indexes == Counter(scan.index for scan in plan.scans)
    if len(plan.scans) == 1:
        assert query.filters == plan.scans[0].filters
    else:
        apart = [one for one, _ in query.filters if len({scan.filters.get(one) for scan in plan.scans}) > 1]
        assert 1 == len(apart)
        assert query.filters.get(apart[0]) == tuple(sorted(scan.filters.get(apart[0])[0] for scan in plan.scans))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (ListingQuery(where(min_rating=401)), "listing_by_created_at"),
        (ListingQuery(where(min_rating=501), SORTS["price"]), "listing_by_rating"),
        (ListingQuery(where(min_rating=501, category=["oils"])), "listing_by_rating"),
        (ListingQuery(where(min_rating=451, district="pune")), "listing_of_district"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.canonical(),
)
def test_what_is_rated_is_found_by_its_rating_where_it_is_rare(query: ListingQuery, index: str) -> None:
    """A high rating takes its own range, whose rows are read for the columns that the index lacks; a low one walks."""
    assert [index] == [scan.index for scan in choose_plan(query, made_up_sample()).scans]


def test_a_filter_that_no_index_covers_is_dearer() -> None:
    """For a unit the rows are read."""
    questions = (ListingQuery(where(district="pune", unit=unit)) for unit in (None, "kg"))
    plain, of_unit = (choose_plan(question, made_up_sample()) for question in questions)
    assert 2 * plain.cost < of_unit.cost


def test_categories_that_follow_from_names_are_left_to_indexes_that_begin_with_them() -> None:
    """A walk past names by rating does not look at their categories; a walk of one category begins with it."""
    names = tuple(range(400))
    for sort, categories, index, looked_at in (
        ("rating", ("fruits", "vegetables"), "listing_by_rating", None),
        ("created_at", ("vegetables",), "listing_of_category_by_created_at", ("vegetables",)),
    ):
        query = ListingQuery(Filters([(NAMED, names), (CATEGORY, categories)]), SORTS[sort])
        (scan,) = choose_plan(query, made_up_sample()).scans
        assert (index, names, looked_at) == (scan.index, scan.filters.get(NAMED), scan.filters.get(CATEGORY))


def test_an_empty_sample_still_plans() -> None:
    """Before the first sample, and on an empty catalogue, every question has a plan."""
    empty = Sample((), 1.0)
    prices = {"min_price": 1, "max_price": 2}
    others = {"district": "pune", "state": "goa", "farm_id": 1, "in_stock": True, "organic": True}
    for sort in SORTS.values():
        assert choose_plan(ListingQuery(where(category=["fruits"], **prices, **others), sort), empty).scans


def test_the_order_in_which_products_are_drawn_makes_no_difference() -> None:
    """A sample of the same products makes the same plans, whether it is read by ids or not."""
    rows = made_up_rows()[:2_000]
    by_id = Sample(rows, 0.002)
    draw = random.Random(6)
    shuffled = Sample(draw.sample(rows, len(rows)), 0.002)
    for number in range(150):
        query = draw_question(draw, by_id, draw.sample(FIELDS, number % 4))
        assert choose_plan(query, by_id) == choose_plan(query, shuffled), query
