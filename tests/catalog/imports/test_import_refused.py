"""A file that is not what it claims changes nothing, and one line says why."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmlokal.catalog.imports.file_run import LEADING_BAD_ROWS_MAX
from farmlokal.errors import ImportRefused
from tests.catalog.imports.import_support import HEADER, Importing, mandi_csv, mandi_row

WIRE_HEADER = "external_id,version,name,category,price,unit"
NDJSON = b'{"external_id":"e","version":1,"name":"Milk","category":"milk","price":"60","unit":"l"}'
BAD_ROW = mandi_row(Modal="x")


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n \n", "is empty"),
        (b"\x1a", "is empty"),
        (b"PK\x03\x04rest", "is a document as a ZIP archive, and no workbook (XLSX): save it as XLSX or CSV first"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "is a workbook of Excel 97 to 2003: save it as XLSX or CSV first"),
        (b"%PDF-1.7 rest", "is a PDF document: its tables cannot be read"),
        (b"\x7fELF\x02\x00\x00", "is binary, and no form that is known"),
        (b"\xff\xfea\xd8", "begins as utf-16 text, and cannot be read as such"),
        (b"colour;mood\nx;1\n", "is of no known form: it starts with 'colour;mood'; a --mapping can explain a list"),
        (b"\xff\xfa,b\n1,2\n", "is of no known form: it starts with "),
        (
            HEADER.replace(",Grade", "").encode() + b"\n",
            "is a table of the portal's prices, but has no column Grade (a --mapping can give what a file lacks)",
        ),
        (f"{HEADER},Market\n".encode(), "is a table of the portal's prices, and names a column twice: 'Market'"),
        (HEADER.encode(), "holds a header and no rows"),
        (f"{WIRE_HEADER},colour\n".encode(), "is a table of products with an unknown column: 'colour'"),
        (
            b"external_id,name,price\n",
            "is no table of products as they are: column missing: version, category, unit; a --mapping can say",
        ),
        (f"{WIRE_HEADER},name\n".encode(), "is a table of products, and names a column twice: 'name'"),
        (mandi_csv(mandi_row()).encode() + b"Goa,North G", "ends in the middle of a row: it was cut off"),
        (mandi_csv(mandi_row()).encode() + b'Goa,North Goa,"Map', "ends in the middle of a row: it was cut off"),
        (NDJSON + b"\n" + NDJSON[:40], "ends in the middle of a line: it was cut off"),
        (b"[" + NDJSON, "ends in the middle of a record: it was cut off"),
    ],
)
async def test_what_is_no_file_of_ours_is_refused(importing: Importing, content: bytes, reason: str) -> None:
    """The reason is one line that begins with the file's name, and the store was never called."""
    with pytest.raises(ImportRefused) as refusal:
        await importing(content)
    assert str(refusal.value).startswith(f"{importing.folder / 'given.dat'}: {reason}")
    assert 1 == len(str(refusal.value).splitlines())
    assert [] == importing.store.batches


async def test_a_file_without_a_final_line_break_is_whole(importing: Importing) -> None:
    """Only a last row that lacks something counts as cut off, not one that merely lacks its line break."""
    await importing(mandi_csv(mandi_row()).rstrip("\n"))
    await importing(mandi_csv(mandi_row(State='"Tamil\nNadu"')).rstrip("\n"))
    await importing(NDJSON)
    assert 3 == len(importing.products)


async def test_a_header_over_rubbish_is_refused(importing: Importing) -> None:
    """When the first hundred rows are all wrong nothing is written, although a good row follows in the same batch."""
    with pytest.raises(ImportRefused, match="the first 100 rows are all wrong; line 101: Modal_x0020_Price: must be"):
        await importing(mandi_csv(*[BAD_ROW] * LEADING_BAD_ROWS_MAX, mandi_row()))
    assert [] == importing.store.batches


async def test_a_hundred_bad_rows_after_a_good_one_are_reported(importing: Importing) -> None:
    """Once a row has been good, the file is what it claims, and every further fault is its row's own."""
    imported = await importing(mandi_csv(mandi_row(), *[BAD_ROW] * 150), batch_rows=10)
    assert (151, 150) == (imported.summary.rows, imported.summary.bad_rows)


async def test_what_cannot_be_opened_is_refused(importing: Importing) -> None:
    """A missing file and a folder are refused by name."""
    with pytest.raises(ImportRefused, match=r"absent\.csv: cannot be read: No such file or directory"):
        await importing(importing.folder / "absent.csv")
    with pytest.raises(ImportRefused, match="is not a regular file"):
        await importing(importing.folder)


PIECES = st.sampled_from(
    [b"\n", b"\r\n", b'"', b",", b"{", b"}", HEADER.encode(), WIRE_HEADER.encode(), mandi_row().encode(), NDJSON,
     b"e,1,Milk,milk,60,l", b"\xef\xbb\xbf", b"\xff", b"1E+1000", b"\0", b"NR", b"31/02/2025", b":null", b"[", b"\r",
     b";", b"\t", b"sep=;\n", b"\x1a", b"\xe9", b"<table><tr><td>", b"</td><td>", b'{"records":[', b"]",
     b'"modal_price":']
)  # fmt: skip


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(content=st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=25).map(b"".join)))
async def test_no_bytes_break_the_import(tmp_path: Path, content: bytes) -> None:
    """Any bytes are imported, or refused, or reported row by row; every row is accounted for."""
    importing = Importing(tmp_path)
    refused = None
    try:
        imported = await importing(content, batch_rows=3)
    except ImportRefused as refusal:
        refused = str(refusal)
    if refused is not None:
        assert 1 == len(refused.splitlines())
        assert [] == importing.products
    else:
        summary = imported.summary
        assert summary.rows == summary.bad_rows + summary.tally.total()
        assert len(importing.products) <= summary.tally.total()
