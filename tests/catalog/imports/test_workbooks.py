"""Workbooks: their cells are read as their rows would be in CSV, and what a small file can grow to is limited."""

from collections.abc import Sequence
from datetime import date, datetime, time
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from openpyxl import Workbook

from farmlokal.catalog.imports.forms.mapping import parse_mapping
from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.catalog.imports.forms.workbook import TEXTS_BYTES_MAX
from farmlokal.errors import ImportRefused
from tests.catalog.imports.import_support import Importing

HEADER = ["State", "District", "Market", "Commodity", "Variety", "Grade", "Arrival_Date", "Min", "Max", "Modal"]
HEADER[-3:] = [f"{name} Price" for name in HEADER[-3:]]
PLACE = ["Goa", "North Goa", "Mapusa"]
Rows = Sequence[Sequence[object]]
LIST: list[list[object]] = [["SKU", "Name", "Category", "Price", "Unit"], [101, "Okra", "vegetables", 24.5, "kg"]]


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


def workbook(hidden: str | None = None, **sheets: Rows) -> bytes:
    """A workbook of `sheets`, of which one may be hidden."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(list(row))
        if title == hidden:
            sheet.sheet_state = "hidden"
    saved = BytesIO()
    book.save(saved)
    return saved.getvalue()


def archive(**parts: bytes) -> bytes:
    """A ZIP archive that says that it is a workbook. parts: by name, with `__` for a slash and `_dot_` for a dot."""
    packed = BytesIO()
    with ZipFile(packed, "w", ZIP_DEFLATED) as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        for name, content in parts.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return packed.getvalue()


async def test_prices_of_a_sheet(importing: Importing) -> None:
    """Dates, numbers and empty rows are what they are in CSV; titles and notes are no rows."""
    day = date(2025, 2, 19)
    rows: Rows = [
        [None, "Prices of the day"],
        [],
        [*HEADER, None],
        [*PLACE, "Okra", "Other", "FAQ", day, 1000, 1400.5, 1200],
        [*PLACE, "Onion", "Other", "FAQ", datetime.combine(day, time()), 1000.0, "1,400", "1,200.00"],
        [None] * len(HEADER),
        [*PLACE, "Garlic", "Other", "FAQ", "19.02.2025", None, None, "x"],
    ]
    imported = await importing(workbook(Prices=rows, Notes=[["by hand"]]))
    found = [(one.name, one.price_paise, one.created_at) for one in importing.products]
    assert [("Okra", 1200, "2025-02-19T00:00:00Z"), ("Onion", 1200, "2025-02-19T00:00:00Z")] == found
    assert [(7, "Modal Price: must be a plain number of rupees, not 'x'")] == imported.bad_rows
    assert ["read as a table of the portal's prices, sheet 'Prices'"] == imported.summary.remarks
    assert importing.folder.joinpath("given.dat").stat().st_size == imported.progress[-1]


async def test_a_list_of_a_sheet(importing: Importing) -> None:
    """A number that is an id has no decimals, and a hidden sheet is passed over."""
    await importing(workbook(List=LIST, Old=LIST, hidden="Old"))
    assert [("101", 2450)] == [(product.external_id, product.price_paise) for product in importing.products]


async def test_two_sheets_to_read_are_refused_until_one_is_named(importing: Importing) -> None:
    """Neither is left out without a word; a mapping says which."""
    content = workbook(March=LIST, April=[LIST[0], [102, "Onion", "vegetables", 20, "kg"]])
    with pytest.raises(ImportRefused, match="holds more than one table to read: sheet 'March', sheet 'April'"):
        await importing(content)
    named = 'sheet = "April"\nid = "SKU"\n[columns]\nname = "Name"\nprice = "Price"\nunit = "Unit"\n'
    await importing(content, reading=ReadOptions(mapping=parse_mapping("april.toml", named)))
    assert ["102"] == [product.external_id for product in importing.products]
    wrong = parse_mapping("may.toml", named.replace("April", "May"))
    with pytest.raises(ImportRefused, match="has no sheet 'May': sheet 'March', sheet 'April' it has"):
        await importing(content, reading=ReadOptions(mapping=wrong))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (archive(), "is a document as a ZIP archive, and no workbook (XLSX): save it as XLSX or CSV first"),
        (archive(xl__workbook_dot_xml=b"<workbook/>"), "is no workbook that can be read: "),
        (
            archive(xl__workbook_dot_xml=b"<workbook/>", xl__sharedStrings_dot_xml=b"0" * (TEXTS_BYTES_MAX + 2**20)),
            "is a workbook of 65 MiB of texts, more than 64: save as CSV",
        ),
        (workbook(Empty=[]), "is of no known form: it starts with ''"),
    ],
    ids=["document", "broken", "bomb", "empty"],
)
async def test_what_is_no_workbook_of_ours_is_refused(importing: Importing, content: bytes, reason: str) -> None:
    """Broken and oversized ones are told by their directory, before anything of them is unpacked."""
    with pytest.raises(ImportRefused) as refusal:
        await importing(content)
    assert str(refusal.value).startswith(f"{importing.folder / 'given.dat'}: {reason}")


async def test_entities_that_unfold_are_refused(importing: Importing) -> None:
    """A sheet whose XML declares entities is not read."""
    content = BytesIO(workbook(List=LIST))
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb">]><worksheet>&b;</worksheet>'
    packed = BytesIO()
    with ZipFile(content) as source, ZipFile(packed, "w") as target:
        for part in source.infolist():
            target.writestr(part, bomb if part.filename.endswith("sheet1.xml") else source.read(part))
    with pytest.raises(ImportRefused, match="is no workbook that can be read: "):
        await importing(packed.getvalue())
