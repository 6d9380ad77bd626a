"""Mappings: what a list's columns mean, and every fault of such a file with its place."""

from importlib.resources import files
from pathlib import Path

import pytest

from farmlokal.catalog.imports.forms.detection import forms
from farmlokal.catalog.imports.forms.mapping import load_mapping, parse_mapping, shipped_names
from farmlokal.catalog.imports.forms.reading_options import ReadOptions
from farmlokal.errors import ImportRefused
from tests.catalog.imports.import_support import Importing

SHOP = """
source = "hof"
id = ["Sorte", "Nr"]
optional = ["Bestand"]
decimal = ","
dates = "day-first"
skip_without = ["Preis"]
only = { Aktiv = ["ja"] }

[columns]
name = ["Produkt", "Sorte"]
category = "Gruppe"
price = "Preis"
unit = "Einheit"
stock = "Bestand"
version = "Stand"

[defaults]
farm = "Hof Sonne"
organic = true

[units]
Zentner = { unit = "kg", per = 50 }
Stk = "piece"

[values.category]
"Gemüse" = "vegetables"
"""
SHOP_ROWS = (
    "Preisliste;;;;;;;\n"
    "Nr;Produkt;Sorte;Gruppe;Preis;Einheit;Stand;Aktiv\n"
    "1;Tomate;Roma;Gemüse;1.250,50;Zentner;05.04.2025;Ja\n"
    "2;Ei;;Eier;0,30;Stk;05.04.2025;ja\n"
    "3;Kohl;Spitz;Gemüse;2,00;kg;05.04.2025;nein\n"
    "4;Rübe;Rot;Gemüse;;kg;05.04.2025;ja\n"
    "5;Birne;Conference;Obst;x;kg;31.02.2025;ja\n"
)
OFN = (
    "producer,sku,name,display_name,category,description,units,unit_type,variant_unit_name,price,on_hand,on_demand\n"
    'Patil Farm,1,Tomato,Roma,Vegetables,"<p>Firm, &amp; sweet</p>",500,g,,24.50,100,0\n'
    "Patil Farm,2,Radish,,Vegetables,,1,,bunch,12,,1\n"
)
SHOPIFY = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Qty,"
    "Variant Price,Image Src,Status\n"
    "okra,Okra,<p>x<br>y</p>,Patil Farm,Vegetables,,true,Size,1 kg,OK-1,12,70.00,https://c.example/a.png?v=1,active\n"
    "okra,,,,,,,,5 kg,,3,300.00,,\n"
    "okra,,,,,,,,,,,,https://c.example/b.png,\n"
    "ghee,Ghee,,Patil Farm,Dairy,,true,Title,Default Title,,5,650,,draft\n"
    "milk,Milk,,Patil Farm,Milk,,true,Title,Default Title,,5,60,,active\n"
)
MARKET = """
rows = "prices"
dates = "month-first"
optional = ["Min"]

[columns]
commodity = "Crop"
arrival_date = "Day"
min_price = "Min"
modal_price = "Price per kg"

[defaults]
state = "Goa"
district = "North Goa"
market = "Mapusa"
variety = "Other"
grade = "FAQ"
unit = "kg"
"""


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


def mapped(text: str) -> ReadOptions:
    """A mapping, as an operator gives it."""
    return ReadOptions(mapping=parse_mapping("shop.toml", text))


async def test_a_list_is_read_as_its_mapping_says(importing: Importing) -> None:
    """Names, units, decimals, dates, defaults, translations, the id's parts, and which rows are on offer."""
    imported = await importing(SHOP_ROWS, reading=mapped(SHOP.replace('"Sorte", "Nr"', '"Nr", "Sorte"')))
    roma = importing.store.products["hof", "1|Roma"]
    assert ("Tomate Roma", "vegetables", 2501, "kg") == (roma.name, roma.category, roma.price_paise, roma.unit)
    assert ("Hof Sonne", True, 1743811200) == (roma.farm, roma.organic, roma.version)
    assert [
        (4, "Sorte: must be given: it is part of the id, not ''"),
        (
            7,
            "Preis: must be a number, not 'x'; Stand: must be a day that exists, as day/month/year, not '31.02.2025'",
        ),
    ] == imported.bad_rows
    assert [("hof", "1|Roma")] == list(importing.store.products)


async def test_part_of_an_id_may_lack_where_it_is_optional(importing: Importing) -> None:
    """The first part never may, and what separates parts is escaped in them."""
    text = SHOP.replace('"Sorte", "Nr"', '"Nr", "Sorte"').replace('["Bestand"]', '["Bestand", "Sorte"]')
    await importing(SHOP_ROWS.replace("1;Tomate", "1|%;Tomate"), reading=mapped(text))
    assert [("hof", "1%7c%25|Roma"), ("hof", "2")] == list(importing.store.products)
    egg = importing.products[1]
    assert (30, "piece", "other") == (egg.price_paise, egg.unit, egg.category)


async def test_open_food_network(importing: Importing) -> None:
    """Its file is told by its columns; a variant is what is sold, and its producer the farm."""
    await importing(OFN)
    found = [
        (one.source, one.external_id, one.name, one.price_paise, one.unit, one.farm, one.stock)
        for one in importing.products
    ]
    assert [
        ("open-food-network", "Patil Farm|1", "Tomato Roma", 2450, "500 g", "Patil Farm", 100),
        ("open-food-network", "Patil Farm|2", "Radish", 1200, "1 bunch", "Patil Farm", None),
    ] == found
    assert ["Firm, & sweet", None] == [product.description for product in importing.products]


async def test_shopify(importing: Importing) -> None:
    """Variants share what stands on the first row; pictures and drafts are no products."""
    imported = await importing(SHOPIFY)
    found = [
        (one.source, one.external_id, one.name, one.price_paise, one.unit, one.stock) for one in importing.products
    ]
    assert [
        ("shopify", "okra|1 kg", "Okra", 7000, "1 kg", 12),
        ("shopify", "okra|5 kg", "Okra", 30000, "5 kg", 3),
        ("shopify", "milk|Default Title", "Milk", 6000, "piece", 5),
    ] == found
    assert ["Patil Farm"] * 3 == [product.farm for product in importing.products]
    okra = ("https://c.example/a.png?v=1", "x y")
    assert [okra, okra, (None, None)] == [(one.image_url, one.description) for one in importing.products]
    assert [] == imported.bad_rows


async def test_prices_of_markets_by_a_mapping(importing: Importing) -> None:
    """What a report lacks is given by defaults; its dates are read as the mapping says."""
    await importing("Day,Crop,Price per kg\n2/3/2025,Okra,24.50\n", reading=mapped(MARKET))
    (okra,) = importing.products
    assert ("goa|north-goa|mapusa|okra|other|faq", 2450) == (okra.external_id, okra.price_paise)
    assert "2025-02-03T00:00:00Z" == okra.created_at


async def test_prices_without_a_grade_are_read_by_a_mapping_that_ships(importing: Importing) -> None:
    """Never without being asked, and as products of their own."""
    content = (
        "state,district,market,commodity,variety,arrival_date,min_price,max_price,modal_price\n"
        "Goa,North Goa,Mapusa,Okra,Other,03/12/2019,1000,1400,1200\n"
    )
    with pytest.raises(ImportRefused, match="has no column Grade"):
        await importing(content)
    mapping = load_mapping("prices-without-grade")
    for names in (content, content.replace("_p", "_x0020_P").replace("arrival_date", "Arrival Date")):
        await importing(names, reading=ReadOptions(mapping=mapping))
    assert ["goa|north-goa|mapusa|okra|other|unknown"] == [product.external_id for product in importing.products]


async def test_a_date_of_two_readings_needs_the_mappings_word(importing: Importing) -> None:
    """Of a list, which is not read as a whole, an open date is a bad row."""
    text = 'id = "Nr"\n[columns]\nname = "N"\nprice = "P"\nunit = "U"\ncreated_at = "D"\nversion = "V"\n'
    rows = "Nr,N,P,U,D,V\n1,a,1,kg,4/5/2025,7\n2,a,1,kg,2025-05-04,8\n3,a,1,kg,2025-05-04T10:00:00Z,9\n"
    imported = await importing(rows, reading=mapped(text))
    reason = 'D: can be read in two ways: say dates = "day-first" or "month-first" in the mapping, not \'4/5/2025\''
    assert [(2, reason)] == imported.bad_rows
    assert ["2025-05-04T00:00:00Z", "2025-05-04T10:00:00Z"] == [product.created_at for product in importing.products]


async def test_columns_that_a_file_lacks_are_all_named(importing: Importing) -> None:
    """With their places in the mapping, and what the file has instead."""
    with pytest.raises(ImportRefused) as refusal:
        await importing("Produkt;Kosten;Einheit\nx;1;kg\n", reading=mapped(SHOP))
    assert (
        f"{importing.folder / 'given.dat'}: lacks columns of the mapping shop.toml: id names 'Sorte'; id names 'Nr'; "
        "columns.version names 'Stand'; columns.category names 'Gruppe'; columns.price names 'Preis'; "
        "only names 'Aktiv'. It has 'Produkt', 'Kosten', 'Einheit'"
    ) == str(refusal.value)
    with pytest.raises(ImportRefused, match=r"has none of the columns of the mapping shop\.toml: it starts with 'a,b'"):
        await importing("a,b\n1,2\n", reading=mapped(SHOP))
    with pytest.raises(ImportRefused, match="is JSON: a --mapping explains the columns of tables"):
        await importing("{}", reading=mapped(SHOP))


def test_every_fault_of_a_mapping_is_told_with_its_line() -> None:
    """All at once, each with the line, the place and what is allowed."""
    text = (
        'rows = "products"\ncolour = 1\nid = []\ndates = "iso"\ndecimal = ";"\nsheet = 3\noptional = "x"\n'
        'carry = { by = "Handle" }\nsource = ""\n\n[columns]\nnaem = "Name"\nprice = 5\n\n[defaults]\nunit = ["kg"]\n'
        "[units]\nkg = { unit = 'kg', per = 0 }\nq = 5\n[values]\ncategory = 5\n[only]\nStatus = true\n"
    )
    with pytest.raises(ImportRefused) as refusal:
        parse_mapping("shop.toml", text)
    told = [line.split(" ", 2) for line in str(refusal.value).splitlines()]
    expected = [
        *("2: colour", "3: id", "4: dates", "5: decimal", "6: sheet", "7: optional", "8: carry", "9: source"),
        *("11: columns.name", "12: columns.naem", "13: columns.price", "16: defaults.unit"),
        *("18: units.kg.per", "19: units.q", "21: values.category", "23: only.Status"),
    ]
    assert {f"shop.toml:{place}:" for place in expected} == {f"{place} {key}" for place, key, _ in told}
    assert "is no field of products: version, name, category" in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("id = ", "shop.toml: is no TOML: Invalid value"),
        ("rows = 'prices'\nid = 'x'\n[defaults]\nstate = 'Goa'\n", "id: belongs to a list of products"),
        (
            "[columns]\nname = 'a'\nprice = 'b'\nunit = 'c'\n",
            "shop.toml:1: id: must be given: the columns whose values",
        ),
        ("id = 'a'\ncolumns = 5\n", "columns: must be a table, not 5"),
    ],
)
def test_what_is_no_mapping_is_refused(text: str, reason: str) -> None:
    """The reason names the file."""
    with pytest.raises(ImportRefused) as refusal:
        parse_mapping("shop.toml", text)
    assert reason in str(refusal.value)


def test_mappings_are_found_by_name_and_by_path(tmp_path: Path) -> None:
    """Those that ship have names; a file that is not there is refused with them."""
    assert ("farm-list", "open-food-network", "prices-without-grade", "shopify") == shipped_names()
    assert "Open Food Network's list of products" == load_mapping("open-food-network").title
    (tmp_path / "own.toml").write_text(SHOP)
    assert "hof" == load_mapping(str(tmp_path / "own.toml")).source
    with pytest.raises(ImportRefused, match="No such file or directory; the mappings that ship are farm-list, open"):
        load_mapping("absent")
    (tmp_path / "large.toml").write_text("#" * 300_000)
    with pytest.raises(ImportRefused, match="is larger than 256 KiB, and no mapping"):
        load_mapping(str(tmp_path / "large.toml"))


def test_the_documentation_has_every_form_and_mapping() -> None:
    """docs/market-files.md names what each form is called, and shows the mappings that ship as they are."""
    page = Path(__file__).parents[3].joinpath("docs", "market-files.md").read_text(encoding="utf-8")
    refused = {form.title for form in forms() if isinstance(form.read, str)} - {"the portal's list of markets"}
    assert refused == {title for title in refused if f"| {title} |" in page}
    folder = files("farmlokal.catalog.imports.forms").joinpath("mappings")
    shown = {name for name in shipped_names() if folder.joinpath(f"{name}.toml").read_text(encoding="utf-8") in page}
    assert set(shipped_names()) == shown
