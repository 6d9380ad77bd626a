"""What a summary counts is what brute force counts, on every backend, and it reads no more entries than it may."""

import random
from collections import Counter
from typing import Any

import pytest

from farmlokal.catalog.counting.ranges import groups_of
from farmlokal.catalog.counting.summary import ENTRIES_MAX
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.planning.sample import draw_sample
from farmlokal.catalog.question.facets import FACETS
from farmlokal.catalog.question.filter_kinds import Between
from farmlokal.catalog.question.filters import CATEGORY, DISTRICT, FILTERS, IN_STOCK, ORGANIC, PRICE
from farmlokal.catalog.question.forms import ID_MAX, PLACE, whole
from farmlokal.catalog.question.forms import PRICE as PRICE_FORM
from farmlokal.catalog.question.near import POINT
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.query import NO_FILTERS, Filters
from farmlokal.catalog.question.storage import FARM_ID, PRICE_PAISE
from farmlokal.catalog.question.table import QuestionTable
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database
from tests.catalog.counting.summaries import summaries_over, summary, told
from tests.catalog.questions import where
from tests.catalog.reference import Listed, passes
from tests.support.backends import on_every_backend
from tests.support.service import open_database

PRODUCTS = 400
COMMONEST = 20
PRICES = (0, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def seeded_records() -> list[ProductRecord]:
    """Realistic products, of which some have no district, and of which one has a price of each band's ends."""
    records = list(generate(1, PRODUCTS))
    for number in range(0, PRODUCTS, 9):
        records[number] = records[number]._replace(district=None)
    for number, rupees in enumerate(PRICES):
        records[number] = records[number]._replace(price_paise=100 * rupees, rating=5 - number % 6)
        records[number + 20] = records[number + 20]._replace(price_paise=max(0, 100 * rupees - 1))
    return records


async def fill(database: Database) -> list[Listed]:
    """Bring them in, delete some; return those that are left, with what the store gave them."""
    records = seeded_records()
    writer = ProductWriter(database)
    await writer.apply(records)
    await writer.apply([Deletion("seed", one.external_id, one.version + 1) for one in records[::11]])
    rows = await database.fetch("SELECT external_id, id, farm_id FROM products WHERE live = 1")
    by_id = {one.external_id: one for one in records}
    return [(product_id, by_id[external_id], farm_id) for external_id, product_id, farm_id in rows]


def draw_filters(draw: random.Random, products: list[Listed]) -> Filters:
    """Up to four filters that one product passes, now and then beside another's value."""
    _, record, farm_id = draw.choice(products)
    values = {
        "category": [record.category, *draw.sample(["fruits", "milk", "spices"], draw.randrange(3))],
        "min_price": record.price_paise - draw.choice([0, 1, 2000]),
        "max_price": record.price_paise + draw.choice([0, 1, 2000]),
        "district": PLACE.read(record.district or "nowhere"),
        "state": PLACE.read(record.state or "nowhere"),
        "farm_id": farm_id,
        "in_stock": draw.random() < 0.7,
        "organic": draw.random() < 0.3,
        "near": POINT.read(f"{record.lat or 18.52:.3f},{record.lon or 73.857:.3f}"),
    }
    asked: dict[str, Any] = {name: values[name] for name in draw.sample(sorted(values), draw.randint(1, 4))}
    if "near" in asked and draw.random() < 0.8:
        asked["radius_km"] = draw.choice([100, 1500, 5000])  # in tenths
    return where(**asked)


def value_of(name: str, record: ProductRecord) -> Any:
    """What a product is counted as by a facet."""
    if name == "price":
        return next(f"{rupees}.00" for rupees in reversed(PRICES) if record.price_paise >= 100 * rupees)
    if name == "rating":
        return None if record.rating is None else min(4, int(record.rating))
    if name == "district":
        return text_key(record.district) if record.district else None
    return {"category": record.category, "organic": record.organic, "in_stock": bool(record.stock)}[name]


OWN = {"category": CATEGORY, "district": DISTRICT, "price": PRICE, "organic": ORGANIC, "in_stock": IN_STOCK}


def brute_force(products: list[Listed], filters: Filters) -> dict[str, Counter[Any]]:
    """The numbers of products by what they are counted as."""
    counts: dict[str, Counter[Any]] = {"total": Counter({"": sum(passes(one, filters) for one in products)})}
    for facet in FACETS:
        others = filters.without(OWN[facet.name]) if facet.name in OWN else filters
        counts[facet.name] = Counter(value_of(facet.name, one[1]) for one in products if passes(one, others))
    without_district = counts["district"].pop(None, 0)
    assert without_district <= len(products) // 9 + 1
    return counts


def check(decoded: dict[str, Any], expected: dict[str, Counter[Any]], filters: Filters) -> None:
    """Every number is that of brute force; and of the districts the commonest are listed, and what is asked for."""
    for name, values in told(decoded).items():
        others = values.pop(None, None) if name == "district" else None
        assert {value: expected[name][value] for value in values} == {
            value: count["value"] for value, count in values.items()
        }, name
        if others is not None:
            by_number = sorted(expected[name].items(), key=lambda each: (-each[1], each[0]))
            chosen = [value for one, asked in filters if one is DISTRICT for value in groups_of(one, asked)]
            listed = {value for value, _ in by_number[:COMMONEST]} | set(chosen)
            assert listed == set(values)
            assert sum(number for value, number in by_number if value not in listed) == others["value"]
        else:
            assert sum(expected[name].values()) == sum(count["value"] for count in values.values())


@on_every_backend
async def test_counts_are_those_of_brute_force(backend_url: str) -> None:
    """Whatever is asked, with entries enough for all, some and few; what is not counted the sample has in full."""
    async with open_database(backend_url) as database:
        products = await fill(database)
        sample = await draw_sample(database)
        draw = random.Random(6)
        asked = [NO_FILTERS, *(draw_filters(draw, products) for _ in range(24))]
        questions = [(filters, brute_force(products, filters)) for filters in asked]
        for entries_max in (ENTRIES_MAX, 150, 30):
            summaries = summaries_over(database, sample, entries_max=entries_max)
            exact: set[bool] = set()
            for filters, expected in questions:
                before = summaries.entries
                decoded = await summary(summaries, filters)
                check(decoded, expected, filters)
                assert summaries.entries - before <= entries_max, filters
                exact |= {count["exact"] for values in told(decoded).values() for count in values.values()}
            assert exact == ({True} if entries_max == ENTRIES_MAX else {True, False})


async def test_a_count_that_comes_to_its_cap_is_none(tmp_path: Any) -> None:
    """With as many entries as are allowed there may be more: the last one is read to see that there is no other."""
    async with open_database(f"sqlite:///{tmp_path / 'catalogue.db'}") as database:
        products = await fill(database)
        sample = await draw_sample(database)
        for entries_max, exact in ((len(products), False), (len(products) + 1, True)):
            summaries = summaries_over(database, sample, entries_max=entries_max)
            total = (await summary(summaries, NO_FILTERS))["total"]
            assert (exact, len(products), len(products)) == (total["exact"], total["value"], summaries.entries)


@pytest.mark.parametrize("name", [facet.name for facet in FACETS])
async def test_a_facet_is_counted_without_its_own_filter(name: str, tmp_path: Any) -> None:
    """Choosing one value leaves the numbers of the others as they were, and lessens those of other facets."""
    asked: dict[str, dict[str, Any]] = {
        "category": {"category": ["fruits"]},
        "district": {"district": "pune"},
        "price": {"max_price": 3000},
        "organic": {"organic": True},
        "in_stock": {"in_stock": False},
        "rating": {},
    }
    async with open_database(f"sqlite:///{tmp_path / 'catalogue.db'}") as database:
        await fill(database)
        summaries = summaries_over(database, await draw_sample(database))
        every, chosen = [(await summary(summaries, where(**one)))["facets"] for one in ({}, asked[name])]
        same = {one for one in every if every[one] == chosen[one]}
        assert same == ({name} if asked[name] else set(every))


async def test_a_filter_that_nobody_has_thought_of_counts_as_well(tmp_path: Any) -> None:
    """A further row of the table of filters is counted by and estimated by; of a facet's column, it is its own."""
    cheap = Between(name="cheap", high=QuestionParameter("cheap", PRICE_FORM, ""), column=PRICE_PAISE, sql="price")
    few_farms = Between(name="few_farms", high=QuestionParameter("few_farms", whole(1, ID_MAX), ""), column=FARM_ID)
    table = QuestionTable((*FILTERS, cheap, few_farms))
    async with open_database(f"sqlite:///{tmp_path / 'catalogue.db'}") as database:
        products = await fill(database)
        sample = await draw_sample(database, table=table)
        filters = table.filters_of({"cheap": 3000, "few_farms": 40, "organic": False})
        of_farms = [one for _, one, farm_id in products if 0 < (farm_id or 0) <= 40 and not one.organic]
        prices = Counter(value_of("price", one) for one in of_farms)
        assert len(prices) > 2
        for entries_max in (ENTRIES_MAX, 0):
            decoded = await summary(summaries_over(database, sample, entries_max=entries_max, table=table), filters)
            assert sum(one.price_paise <= 3000 for one in of_farms) == decoded["total"]["value"]
            assert prices == +Counter({value: one["value"] for value, one in told(decoded)["price"].items()})
