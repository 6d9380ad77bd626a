"""The portal's API as JSON: its answers, what is left of them in files, and its errors."""

import json
from pathlib import Path
from typing import Any

import pytest

from farmlokal.catalog.imports.forms.json_documents import RECORD_BYTES_MAX
from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.errors import ImportRefused
from tests.catalog.imports.import_support import Importing

RECORD = {
    "state": "Goa",
    "district": "North Goa",
    "market": "Mapusa",
    "commodity": "Okra",
    "variety": "Other",
    "grade": "FAQ",
    "arrival_date": "19/02/2025",
    "min_price": "1000",
    "max_price": "1400",
    "modal_price": "1200",
}
CAPITALS = {name.title().replace("_Price", "_x0020_Price"): value for name, value in RECORD.items()}
OKRA = "goa|north-goa|mapusa|okra|other|faq"


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


def answer(*records: dict[str, Any], total: int | str | None = None) -> str:
    """An answer of the API with `records`. total: how many it has in all; by default these."""
    head = {"created": 1, "org": ["A", "B"], "field": [{"name": "State", "id": "state"}], "message": "Resource lists"}
    return json.dumps({**head, "status": "ok", "total": len(records) if total is None else total, "records": records})


@pytest.mark.parametrize(
    "content",
    [
        answer(RECORD),
        json.dumps(json.loads(answer(RECORD)), indent=2),
        answer(CAPITALS),
        answer({**RECORD, "min_price": 1000, "max_price": 1400.5, "modal_price": 1200}),
        json.dumps(RECORD),
        json.dumps([RECORD]),
        answer({name: value for name, value in RECORD.items() if name != "state"} | {"State": "Goa"}),
    ],
    ids=["answer", "indented", "capitals", "numbers", "record-a-line", "array", "mixed"],
)
async def test_one_price_in_every_json(importing: Importing, content: str) -> None:
    """Answers and their bare records, in both styles of names, give the product that the CSV gives."""
    imported = await importing(content)
    assert ([(OKRA, 1200)], []) == (
        [(product.external_id, product.price_paise) for product in importing.products],
        imported.bad_rows,
    )


async def test_pages_one_after_another_are_one_file(importing: Importing) -> None:
    """Every page's records land, numbered through; only what the portal has beyond them all is spoken of."""
    pages = [answer(RECORD, {**RECORD, "market": "Margao"}, total="3"), answer({**RECORD, "market": ""}, total="3")]
    imported = await importing("\n".join(pages))
    assert [(3, "market: must be given, not ''")] == imported.bad_rows
    assert ["read as an answer of the portal's API"] == imported.summary.remarks
    alone = await importing(pages[0])
    said = "holds 2 of the 3 records that the portal has: ask it for a higher limit"
    assert said == alone.summary.remarks[-1]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"error":"Key not authorised"}', "is an error of the portal's API: Key not authorised"),
        ('{"error":{"code":429,"text":"Slow\\ndown"}}', "is an error of the portal's API: 429 Slow down"),
        (
            '{"message":"Authentication failed","status":"error"}',
            "is an error of the portal's API: Authentication failed",
        ),
        ('{"message":"Resource id doesn\'t exist."}', "is an error of the portal's API: Resource id doesn't exist."),
        (answer(RECORD) + '\n{"error":"Rate limit exceeded"}', "is an error of the portal's API: Rate limit exceeded"),
        (answer(), "holds no records"),
        (
            answer({key: RECORD[key] for key in RECORD if key != "grade"}),
            "is an answer of the portal's API, but has no",
        ),
        (answer(RECORD)[:-30], "ends in the middle of a record: it was cut off"),
        (
            f'{answer(RECORD)[:-2]}, {{"state": "{"x" * 2 * RECORD_BYTES_MAX}"}}]}}',
            "holds a record of more than 1024 KiB",
        ),
    ],
    ids=["key", "nested", "status", "message", "later-page", "empty", "no-grade", "cut-off", "bomb"],
)
async def test_an_answer_without_prices_is_named(importing: Importing, content: str, reason: str) -> None:
    """What the portal says is wrong is said on, and nothing is written."""
    with pytest.raises(ImportRefused) as refusal:
        await importing(content)
    assert str(refusal.value).startswith(f"{importing.folder / 'given.dat'}: {reason}")
    assert [] == importing.store.batches


async def test_what_is_no_record_is_a_bad_row(importing: Importing) -> None:
    """A line that is no object, and a cell that is no text and no number, are named by their line."""
    odd = json.dumps({**RECORD, "market": ["Mapusa"]})
    imported = await importing("\n".join([json.dumps(RECORD), "[1]", odd]))
    assert [2, 3] == [line for line, _ in imported.bad_rows]
    assert "line: must be a JSON object, not '[1]'" == imported.bad_rows[0][1]
    assert "market: must be a text or a number" in imported.bad_rows[1][1]


async def test_an_array_of_our_products_is_read(importing: Importing) -> None:
    """Our own format may stand in an array; one that is cut off changes nothing."""
    product = {"external_id": "e", "version": 1, "name": "Milk", "category": "milk", "price": "60", "unit": "l"}
    await importing(json.dumps([product, {**product, "external_id": "f"}]))
    assert ["e", "f"] == [one.external_id for one in importing.products]
    with pytest.raises(ImportRefused, match="ends in the middle of a record: it was cut off"):
        await importing(json.dumps([{**product, "external_id": str(number)} for number in range(3000)])[:-1])
    assert 2 == len(importing.products)


async def test_a_state_given_for_records_without_one(importing: Importing) -> None:
    """`--state` stands in for records that have none, as for Agmarknet's reports."""
    await importing(answer({key: RECORD[key] for key in RECORD if key != "state"}), reading=ReadOptions("Goa"))
    assert [OKRA] == [product.external_id for product in importing.products]
