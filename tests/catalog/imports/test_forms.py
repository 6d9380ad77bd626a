"""The forms in which people have market prices and lists: what each becomes, or the line in which it is refused."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.catalog.imports.forms.web_page import PAGE_BYTES_MAX
from farmlokal.errors import ImportRefused
from tests.catalog.imports.import_support import Importing

PORTAL = "State,District,Market,Commodity,Variety,Grade,Arrival_Date,Min_x0020_Price,Max_x0020_Price,Modal_x0020_Price"
ROW = "Goa,North Goa,Mapusa,Okra,Other,FAQ,19/02/2025,1000,1400,1200"
DAILY = (
    ",,,,,,,Daily Price Arrival Report-01-02-2025 to 19-02-2025 for Goa,,,,,,\n"
    "State/UT,District,Market,Commodity Group,Commodity,Variety,Grade,Min Price,Max Price,Modal Price,Price Unit,"
    "Arrival Quantity,Arrival Unit,Arrival Date\n"
    'Goa,North Goa,Mapusa ,Vegetables,Okra,Other,FAQ,"1,000.00","1,400.00","1,200.00",Rs./Quintal,"1,5",Metric Tonnes,'
    "19-02-2025\n"
)
REPORT_COLUMNS = (
    "Sl no.,District Name,Market Name,Commodity,Variety,Grade,Min Price (Rs./Quintal),Max Price (Rs./Quintal),"
    "Modal Price (Rs./Quintal),Price Date"
)
REPORT = f"\ufeff{REPORT_COLUMNS}\n1,North Goa,Mapusa,Okra,Other,FAQ,0,0,1200,19-Feb-25\n"
WIRE = "external_id,version,name,category,price,unit"
MAPUSA_OKRA = ("goa|north-goa|mapusa|okra|other|faq", "2025-02-19T00:00:00Z", 1200, "kg")


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


def table_page(title: str, *rows: str) -> str:
    """A web page with one table: commas part its cells."""
    cells = "".join("<tr><td>" + row.replace(",", "</td><td>") + "</td></tr>\n" for row in rows)
    return f"<html><head><title>{title}</title></head><body>\n<div><table>\n{cells}</table></div></body></html>"


@pytest.mark.parametrize(
    ("content", "state"),
    [
        (f"{PORTAL}\n{ROW}\n", None),
        (f"{PORTAL.replace('_x0020_', '_')},Commodity_Code\n{ROW},85\n", None),
        (f"{PORTAL.upper().replace('_X0020_', ' ')}\n{ROW}\n", None),
        (f"Prices of the day\n\n{PORTAL}\n{ROW}\n", None),
        (DAILY, None),
        (REPORT, "Goa"),
        (REPORT.replace("19-Feb-25", "19 Feb 2025").replace("Price Date", "Reported Date"), "Goa"),
        (
            table_page("Report", REPORT_COLUMNS, "1,North Goa,Mapusa,Okra,Other,FAQ,0,0,1200,19-Feb-2025", "1 2 3"),
            "Goa",
        ),
    ],
    ids=["portal", "portal-new-names", "portal-capitals", "title-lines", "daily", "report", "reported", "web-page"],
)
async def test_one_price_in_every_form(importing: Importing, content: str, state: str | None) -> None:
    """The same market's price of the same day is the same product, whoever publishes it."""
    imported = await importing(content, reading=ReadOptions(state))
    found = [(one.external_id, one.created_at, one.price_paise, one.unit) for one in importing.products]
    assert ([MAPUSA_OKRA], []) == (found, imported.bad_rows)
    assert 1 == len([remark for remark in imported.summary.remarks if remark.startswith("read as")])


async def test_a_price_for_the_tonne_is_a_bad_row(importing: Importing) -> None:
    """It does not land as one for the kilogram or the quintal; the unit of what arrived is another column."""
    imported = await importing(DAILY.replace("Rs./Quintal", "Rs./MT"))
    reason = "Price Unit: must be one of quintal, kg, piece, dozen, litre, animal, not 'Rs./MT'"
    assert ([], [(3, reason)]) == (importing.products, imported.bad_rows)


async def test_thousands_are_read_and_what_is_not_reported_is_no_product(importing: Importing) -> None:
    """`1,50,000.50` is a number; `NR` is not reported: no price at all where it is the modal one."""
    rows = [
        ROW.replace("1000,1400,1200", 'NR,-,"1,50,000.50"'),
        ROW.replace("Okra", "Onion").replace("1200", "NA"),
        ROW.replace("Okra", "Garlic").replace("1200", '"1,2"'),
    ]
    imported = await importing("\n".join([PORTAL, *rows]))
    assert [150001] == [product.price_paise for product in importing.products]
    assert 1 == imported.summary.not_reported
    assert [(4, "Modal_x0020_Price: must be a plain number of rupees, not '1,2'")] == imported.bad_rows


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "date,admin1,market,commodity,unit,priceflag,pricetype,currency,price\n#date,#adm1,#loc,#item,#u,#f,#t,#c,#v\n",
            "is a price table of the World Food Programme (HDX): of other countries",
        ),
        ("adm0_id,adm0_name,cm_name,mp_price\n1,Chad,Maize,9\n", "is a price table of the World Food Programme"),
        ("Area Code,Area,Item Code,Item,Element,Year,Value\n", "is a table of the FAO: it has figures of whole"),
        ("listing_id,listing_name,location_address\n", "is a directory of the USDA: it lists places"),
        ("FMID,MarketName,Website\n", "is a directory of the USDA: it lists places"),
        ("MANDICODE,MANDINAME,STATECODE,LATITUDE,LONGITUDE\n", "is the portal's list of markets: give it"),
        (
            ",,,Marketwise Price & Arrival Report\n,,Price,\nCommodity Group,Commodity,MSP (Rs./Quintal) 2026-27,"
            '"Price on 31 Mar, 2026"\nCereals,Maize,2400.00,-\n',
            "is Agmarknet 2.0's marketwise report: it has one average",
        ),
        (
            "State/UT,District,Market,Commodity Group,Commodity,Date,Modal Price 01-01-2024 to 06-10-2026\n",
            "is Agmarknet 2.0's report over all grades: it has averages",
        ),
        (REPORT, "is a price report of Agmarknet, but does not say its state: say --state NAME"),
        (
            '"Min,Max,Modal Price of Mapusa from 01-Jan-2014",,,\nSl no.,Commodity,Modal Price,Price Date\n',
            "is a price report of Agmarknet, but has no column District Name, Market Name, Variety, Grade, "
            "Min Price (Rs./Quintal), Max Price (Rs./Quintal) (a --mapping can give what a file lacks), and does not",
        ),
        (table_page("403 Forbidden"), "is a web page ('403 Forbidden') or XML, without a table of prices or products"),
        (table_page("Sign in", "User,Password"), "is a web page ('Sign in') or XML, without a table of prices"),
        (
            '<?xml version="1.0"?>\n<result><records><item><modal_price>5</modal_price></item></records></result>',
            "is an answer of the portal's API as XML: ask it for format=csv or format=json",
        ),
        (
            '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"/>',
            "is a workbook as XML (Excel 2003): save it as XLSX or CSV first",
        ),
        (f"<<<<<<< HEAD\n{PORTAL}\n{ROW}\n", "line 1 is the mark of a conflict, left by a merge"),
        (f"{PORTAL}\n{ROW}\n<<<<<<< HEAD\n{ROW}\n=======\n", "line 3 is the mark of a conflict, left by a merge"),
        (f"<table>{'<tr><td>' * (PAGE_BYTES_MAX // 8)}", "is a web page of more than 32 MiB: save its table as CSV"),
    ],
    ids=[
        *("wfp", "wfp-former", "fao", "usda", "usda-former", "locations", "marketwise", "all-grades", "no-state"),
        *(
            "report-of-a-market",
            "error-page",
            "sign-in-page",
            "xml",
            "excel-2003",
            "conflict",
            "conflict-inside",
            "long",
        ),
    ],
)
async def test_what_is_no_price_is_named(importing: Importing, content: str, reason: str) -> None:
    """One line says what the file is, and what to do instead; nothing is written."""
    with pytest.raises(ImportRefused) as refusal:
        await importing(content)
    assert str(refusal.value).startswith(f"{importing.folder / 'given.dat'}: {reason}")
    assert 1 == len(str(refusal.value).splitlines())
    assert [] == importing.store.batches


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (DAILY, "has the states in its column State/UT: leave --state out"),
        (f"{WIRE}\na,1,Okra,vegetables,1,kg", "holds"),
    ],
    ids=["daily", "products"],
)
async def test_a_state_that_a_file_does_not_need_is_refused(importing: Importing, content: str, reason: str) -> None:
    """What an operator says is never passed over."""
    with pytest.raises(ImportRefused, match=reason):
        await importing(content, reading=ReadOptions("Goa"))


@pytest.mark.parametrize(
    "content",
    [
        f"{WIRE},organic\na,1,Okra,vegetables,24.50,kg,TRUE\n".encode(),
        f"{WIRE},Organic,,\na,1,Okra,vegetables,24.50,kg,True,,\n,,,,,,,,\n".encode(),
        b"External ID,Version,NAME,Category,Price,Unit,Organic\r\na,1,Okra,Vegetables,24.50,kg,TRUE\r\n\x1a",
        f"\ufeff{WIRE},organic\na,1,Okra,vegetables,24,50,kg,true\n".replace(",", ";")
        .replace("24;50", "24,50")
        .encode(),
        f'sep=;\n{WIRE},organic\na,1,Okra,vegetables,"24.50",kg,true\n'.replace(",", ";").encode(),
        f"{WIRE},organic\na,1,Okra,vegetables,24.50,kg,true\n".replace(",", "\t").encode("utf-16"),
        f'{WIRE},organic\na,1,Okra,vegetables,"24,50",kg,true\n'.encode(),
        f"{WIRE},organic\na,1,Okra,vegetables,₹ 24.50,kg,true\n".encode(),
    ],
    ids=["true", "empty-columns", "capitals-ctrl-z", "semicolons", "sep", "utf-16-tabs", "quoted-comma", "rupees"],
)
async def test_the_habits_of_spreadsheets(importing: Importing, content: bytes) -> None:
    """However a spreadsheet writes it, the row is the same product."""
    imported = await importing(content)
    found = [(one.external_id, one.name, one.price_paise, one.organic) for one in importing.products]
    assert ([("a", "Okra", 2450, True)], []) == (found, imported.bad_rows)


async def test_a_number_of_two_readings_is_a_bad_row(importing: Importing) -> None:
    """Between semicolons `1,234` is refused with both readings; one that is clear decides for all."""
    header = WIRE.replace(",", ";")
    open_question = await importing(f"{header}\na;1;Okra;vegetables;1,234;kg\n")
    reason = "price: can be 1.234 or 1234, and no number of the file says which, not '1,234'"
    assert [(2, reason)] == open_question.bad_rows
    await importing(f"{header}\na;1;Okra;vegetables;1.234;kg\nb;1;Okra;vegetables;24,5;kg\n")
    assert [123400, 2450] == [product.price_paise for product in importing.products]


async def test_a_text_of_an_older_alphabet_is_read_and_spoken_of(importing: Importing) -> None:
    """Windows-1252, as a spreadsheet program saves `CSV` in this country, is read as such, which is said."""
    imported = await importing(f"{WIRE}\na,1,Crème fraîche,dairy,90,kg\n".encode("cp1252"))
    assert ["Crème fraîche"] == [product.name for product in importing.products]
    assert "is no UTF-8 text, and was read as cp1252" in imported.summary.remarks


async def test_a_cell_without_a_column_is_a_bad_row(importing: Importing) -> None:
    """A column without a name in the middle is passed over while it is empty."""
    imported = await importing(
        "external_id,version,,name,category,price,unit\na,1,,Okra,vegetables,9,kg\nb,1,x,O,v,9,kg\n"
    )
    assert [(3, "cell 3: must not be there: its column has no name, not 'x'")] == imported.bad_rows
    assert ["a"] == [product.external_id for product in importing.products]


async def test_a_list_without_versions_has_the_files_own(importing: Importing) -> None:
    """A farm shop's list is of the time at which its file was last changed: a later one replaces it."""
    path = importing.folder / "list.csv"
    path.write_text("SKU,Name,Category,Price,Unit\nT1,Tomato,Vegetables,24.50,kg\n")
    await importing(path)
    changed_s = int(path.stat().st_mtime)
    (product,) = importing.products
    assert ("import", "T1", changed_s, 2450) == (
        product.source,
        product.external_id,
        product.version,
        product.price_paise,
    )


async def test_dates_of_a_file_are_read_by_its_clock(importing: Importing) -> None:
    """A report's day that has not come is a bad row, named by the report's own column."""
    imported = await importing(
        REPORT.replace("19-Feb-25", "19-Feb-52"), reading=ReadOptions("Goa"), now=datetime(2026, 11, 22, tzinfo=UTC)
    )
    assert [(2, "Price Date: must not lie more than a day in the future, not '19-Feb-52'")] == imported.bad_rows
