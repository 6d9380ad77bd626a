"""Our own wire format as NDJSON and as CSV."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from farmlokal.catalog.imports.lines import LINE_BYTES_MAX
from farmlokal.catalog.imports.wire_files import FIELDS
from farmlokal.catalog.writing.outcomes import WriteOutcome
from tests.catalog.imports.import_support import Importing

FULL = {
    "source": "coop",
    "external_id": "egg-12",
    "version": 7,
    "name": 'Eggs, "free range"',
    "category": "eggs",
    "price": "96.50",
    "unit": "dozen",
    "farm": "Patil Farm",
    "market": "Pimpri",
    "district": "Pune",
    "state": "Maharashtra",
    "lat": 18.62,
    "lon": 73.8,
    "stock": 120,
    "organic": True,
    "rating": 4.4,
    "created_at": "2026-11-22T10:15:00Z",
    "image_url": "https://images.example/eggs.jpg",
    "description": "From hens that see the sky.",
    "brand": "Gaon Se",
}
BARE = {"external_id": "e", "version": 1, "name": "Milk", "category": "milk", "price": "60", "unit": "l"}


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


def ndjson(*rows: object) -> bytes:
    """A line of JSON for each of `rows`."""
    return b"".join(orjson.dumps(row) + b"\n" for row in rows)


def wire_csv(*rows: dict[str, object]) -> str:
    """A CSV with a column for every field, empty where a row lacks it."""
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: str(value).lower() if isinstance(value, bool) else value for name, value in row.items()} for row in rows
    )
    return text.getvalue()


async def test_both_forms_give_the_same_products(importing: Importing) -> None:
    """A product with every field, and one with the required ones alone, read the same from NDJSON and CSV."""
    first = await importing(ndjson(FULL, BARE))
    second = await importing(wire_csv(FULL, BARE))
    assert {WriteOutcome.CREATED: 2} == first.summary.tally
    assert {WriteOutcome.UNCHANGED: 2} == second.summary.tally
    assert frozenset({"coop", "import"}) == second.summary.sources
    full = importing.store.products["coop", "egg-12"]
    assert ('Eggs, "free range"', 9650, True, 120) == (full.name, full.price_paise, full.organic, full.stock)
    assert (FULL["image_url"], FULL["description"], FULL["brand"]) == (full.image_url, full.description, full.brand)


async def test_one_bad_line_does_not_stop_the_others(importing: Importing) -> None:
    """A line that is no JSON is reported by its number, blank lines are passed over but counted."""
    content = ndjson(BARE) + b"\n{not json}\n" + ndjson({**BARE, "external_id": "f"})
    imported = await importing(content)
    assert [3] == [line for line, _ in imported.bad_rows]
    assert imported.bad_rows[0][1].startswith("line: must be a JSON object (")
    assert 2 == len(importing.store.products)


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({**BARE, "colour": "red"}, "colour"),
        ({**BARE, "lat": 91}, "lat"),
        ({**BARE, "price": "1E+1000"}, "must"),
        ({**BARE, "created_at": "0001-01-01T00:00:00+05:00"}, "must"),
        ({"external_id": "x"}, "version"),
        ([1, 2], "JSON object"),
        (None, "JSON object"),
    ],
)
async def test_a_wrong_record_is_a_bad_row(importing: Importing, row: object, named: str) -> None:
    """Whatever keeps a line from being a product, the report names it."""
    imported = await importing(ndjson(BARE, row))
    assert [2] == [line for line, _ in imported.bad_rows]
    assert named in imported.bad_rows[0][1]


async def test_an_overlong_line_is_a_bad_row(importing: Importing) -> None:
    """A line of more than 64 KiB is passed over without being read as a whole; the line after it lands."""
    content = ndjson(BARE, {**BARE, "name": "x" * 5 * LINE_BYTES_MAX}, {**BARE, "external_id": "f"})
    imported = await importing(content)
    assert [2] == [line for line, _ in imported.bad_rows]
    assert "must be at most 65536 bytes long" in imported.bad_rows[0][1]
    assert 2 == len(importing.store.products)


async def test_bytes_that_are_not_utf8_are_a_bad_row(importing: Importing) -> None:
    """A wrongly encoded line of NDJSON is reported by its number."""
    imported = await importing(ndjson(BARE) + b'{"name":"\xff"}\n')
    assert [2] == [line for line, _ in imported.bad_rows]
    assert "must be UTF-8 (byte 10 is not)" in imported.bad_rows[0][1]


async def test_csv_cells_are_read_as_their_fields(importing: Importing) -> None:
    """A boolean that is not true or false and a price with three places are bad rows, each with its field's name."""
    imported = await importing(wire_csv(BARE, {**BARE, "organic": "yes"}, {**BARE, "price": "1.005"}))
    assert (3, "organic: must be true or false, not 'yes'") == imported.bad_rows[0]
    assert (4, "price: Decimal input should have no more than 2 decimal places, not '1.005'") == imported.bad_rows[1]


async def test_csv_columns_come_in_any_order(importing: Importing) -> None:
    """The header says which cell is which; blanks around a name or a value do not matter."""
    await importing("unit, price ,category,name,version,external_id\nl, 60 ,milk,Milk,1,e\n")
    assert [("import", "e")] == list(importing.store.products)


async def test_unknown_categories_are_counted(importing: Importing) -> None:
    """By name, in NDJSON and in CSV; `other` and a known one in capitals are known."""
    rows = [
        {**BARE, "external_id": str(number), "category": label}
        for number, label in enumerate(["seeds", "moon rocks", "seeds", "other", "MILK"])
    ]
    for content in (ndjson(*rows), wire_csv(*rows)):
        summary = (await importing(content)).summary
        assert (3, {"seeds": 2, "moon rocks": 1}) == (summary.unknown_rows, summary.unknown_categories)


async def test_names_of_unknown_categories_are_bounded(importing: Importing) -> None:
    """A file whose every row has another category is counted whole, and remembered in part."""
    rows = [{**BARE, "external_id": str(number), "category": f"c{number}"} for number in range(1200)]
    summary = (await importing(ndjson(*rows))).summary
    assert (1200, 1000) == (summary.unknown_rows, len(summary.unknown_categories))


async def test_a_time_that_has_not_come_is_a_bad_row(importing: Importing) -> None:
    """In either kind of file, by the clock that the import is given."""
    rows = [{**BARE, "external_id": "near", "created_at": "2026-11-23T10:15:00Z"}]
    rows += [{**BARE, "external_id": "far", "created_at": "2099-01-01T00:00:00Z"}]
    for content in (ndjson(*rows), wire_csv(*rows)):
        imported = await importing(content, now=datetime(2026, 11, 22, 10, 15, tzinfo=UTC))
        detail = "created_at: must not lie more than a day in the future, not '2099-01-01T00:00:00Z'"
        assert [detail] == [reason for _, reason in imported.bad_rows]


async def test_odd_characters_of_files(importing: Importing) -> None:
    """A lone surrogate is named; layout in a quoted cell, and odd blanks around a number, are blanks."""
    imported = await importing(ndjson(BARE) + b'{"external_id":"f","name":"\\ud800"}\n')
    assert [2] == [line for line, _ in imported.bad_rows]
    assert "must not hold U+D800 (a lone surrogate)" in imported.bad_rows[0][1]
    await importing(wire_csv({**BARE, "external_id": "g", "name": "Buffalo\n\tmilk\u200d", "price": "\u00a060\u2003"}))
    assert "Buffalo  milk\u200d" == importing.store.products["import", "g"].name
