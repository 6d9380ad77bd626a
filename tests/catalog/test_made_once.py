"""What is made once for many questions: a statement's text for each shape, a plan until the sample is drawn anew."""

import random
from dataclasses import replace
from pathlib import Path

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.planning import planner as planning
from farmlokal.catalog.planning.columns import narrow
from farmlokal.catalog.planning.cost import row_filter
from farmlokal.catalog.planning.planner import Plan, Planner, Scan
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.filters import CATEGORY, DISTRICT, FARM, IN_STOCK, ORGANIC, PRICE, RATED, STATE, UNIT
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import SORTS, Position
from farmlokal.catalog.reading.statement import page_statement
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.dialect import MYSQL, SQLITE
from tests.catalog.questions import FIELDS, draw_question, row_type, where
from tests.support.service import open_database, sqlite_url

CATEGORY_BY_PRICE = "listing_of_category_by_price"


def statement_of(query: ListingQuery, *, ties_apart: bool = False) -> str:
    """The text of the statement that reads `query` through one index."""
    return page_statement(query, MYSQL, Plan((Scan(CATEGORY_BY_PRICE, query.filters, 1, ties_apart),))).sql


def test_questions_of_one_shape_share_their_text() -> None:
    """Other values make other parameters, not another text."""
    one = ListingQuery(
        where(category=["fruits"], min_price=100, district="pune"), SORTS["price"], 20, Position(2450, 7)
    )
    other = ListingQuery(
        where(category=["grains"], min_price=9900, district="goa' --"), SORTS["price"], 20, Position(1, 918273)
    )
    assert statement_of(one) is statement_of(other)
    assert "pune" not in statement_of(one)


def test_every_difference_of_shape_is_another_text() -> None:
    """Filters given, number of categories, order, direction, limit, position, index, ties, backend."""
    base = ListingQuery(where(category=["fruits"], organic=True), SORTS["price"], 20, Position(2450, 7))
    shapes = [
        base,
        replace(base, filters=where(category=["fruits"], in_stock=True)),
        replace(base, filters=where(category=["fruits", "grains"], organic=True)),
        replace(base, filters=where(category=["fruits", "grains", "milk"], organic=True)),
        replace(base, sort=SORTS["-price"]),
        replace(base, sort=SORTS["created_at"], position=Position("2026-01-01T00:00:00Z", 1)),
        replace(base, limit=21),
        replace(base, position=None),
    ]
    texts = {statement_of(query) for query in shapes} | {statement_of(base, ties_apart=True)}
    texts |= {page_statement(base, dialect, Plan((Scan("listing_by_price", base.filters, 1),))).sql
              for dialect in (MYSQL, SQLITE)}  # fmt: skip
    assert len(shapes) + 3 == len(texts)
    backward = replace(base, position=Position(2450, 7, backward=True))
    assert statement_of(replace(base, sort=SORTS["-price"])) is statement_of(backward)


def test_a_row_filter_is_each_filter_in_turn() -> None:
    """The passes over many rows find those that pass every filter, one by one."""
    draw = random.Random(2)
    rows = [
        row_type()(
            number,
            created_at=f"2026-01-{number % 28 + 1:02}T00:00:00Z",
            price_paise=draw.randrange(900),
            name_key="n",
            rating_key=draw.choice((0, 1, 401, 501)),
            unit=draw.choice(("kg", "dozen")),
            name_id=1,
            category=draw.choice(CATEGORIES),
            district_key=draw.choice(("pune", None)),
            state_key=draw.choice(("goa", "assam")),
            farm_id=draw.choice((None, 1, 2)),
            in_stock=draw.randrange(2),
            organic=draw.randrange(2),
            **dict.fromkeys(("cell", "x", "y", "z"), 0),
        )
        for number in range(500)
    ]
    sample = Sample(rows, 1.0)
    for number in range(300):
        filters = draw_question(draw, sample, draw.sample(FIELDS, number % 4)).filters
        low, high = filters.get(PRICE) or (None, None)
        low, high = low or 0, 10**12 if high is None else high
        expected = [
            place
            for place, row in enumerate(rows)
            if (filters.get(CATEGORY) is None or row.category in filters.get(CATEGORY))
            and low <= row.price_paise <= high
            and (filters.get(DISTRICT) is None or row.district_key in filters.get(DISTRICT))
            and (filters.get(STATE) is None or row.state_key in filters.get(STATE))
            and (filters.get(FARM) is None or row.farm_id in filters.get(FARM))
            and (filters.get(RATED) is None or row.rating_key >= filters.get(RATED).low)
            and filters.get(UNIT) in (None, row.unit)
            and filters.get(IN_STOCK) in (None, row.in_stock)
            and filters.get(ORGANIC) in (None, row.organic)
        ]
        assert expected == list(row_filter(filters, sample)(narrow(range(len(rows))))), filters


async def test_a_plan_is_remembered_until_the_sample_changes(tmp_path: Path) -> None:
    """The same question has the same plan; a new sample plans anew; the memory is bounded."""
    async with open_database(sqlite_url(tmp_path)) as database:
        planner = Planner(database)
        query = ListingQuery(where(category=["fruits"]), SORTS["price"])
        first = planner.plan(query)
        assert first is planner.plan(ListingQuery(where(category=["fruits"]), SORTS["price"]))
        await ProductWriter(database).apply(list(generate(1, 200)))
        await planner.refresh()
        again = planner.plan(query)
        assert first is not again
        assert again is planner.plan(query)
        for number in range(planning._PLANS_MAX + 10):
            planner.plan(ListingQuery(where(min_price=number + 1)))
        assert f"plans={planning._PLANS_MAX}>" in repr(planner)
