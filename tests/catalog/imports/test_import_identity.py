"""What makes two rows of market files one product: the alias tables, and every sign of variety and grade."""

from pathlib import Path

import pytest

from farmlokal.catalog.imports.aliases import load_aliases
from farmlokal.catalog.imports.identity import renewed
from farmlokal.catalog.imports.markets import load_markets
from farmlokal.errors import ImportRefused
from tests.catalog.imports.import_support import Importing, mandi_csv, mandi_row


@pytest.fixture
def importing(tmp_path: Path) -> Importing:
    """Imports into an empty store."""
    return Importing(tmp_path)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Variety": "Local देसी"}, {"Variety": "Local संकर"}),
        ({"Variety": "Fine", "Grade": "A-1"}, {"Variety": "Fine A", "Grade": "1"}),
        ({"Variety": "1+2"}, {"Variety": "1-2"}),
        ({"Commodity": "Peas", "Variety": "cod Green"}, {"Commodity": "Peas cod", "Variety": "Green"}),
        ({"Market": "पुणे"}, {"Market": "नाशिक"}),
        ({"Variety": "A|B"}, {"Variety": "A%7cB"}),
        ({"District": "Pune", "Market": "Kharar"}, {"District": "Nashik", "Market": "Kharar"}),
    ],
)
async def test_distinct_rows_stay_distinct(importing: Importing, one: dict[str, str], other: dict[str, str]) -> None:
    """No field runs into the next, and no sign or letter of any script is dropped where it tells two rows apart."""
    imported = await importing(mandi_csv(mandi_row(**one), mandi_row(**other)))
    assert (2, []) == (len(importing.products), imported.bad_rows)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Market": "Kharar"}, {"Market": "Kharar APMC"}),
        ({"State": "Uttrakhand", "Market": "Roorkee"}, {"State": "Uttarakhand", "Market": "ROORKEE APMC"}),
        ({"State": "Kerala", "Market": "Mukkom"}, {"State": "Keralam", "Market": "Mukkom Market"}),
        ({"District": "Ahmednagar"}, {"District": "Ahilyanagar"}),
        ({"Commodity": "Raddish"}, {"Commodity": "Radish"}),
        ({"Variety": "Desi (Bontha)"}, {"Variety": "DESI(Bontha)"}),
        ({"Market": "Alwar (F&V)"}, {"Market": "Alwar(F & V)"}),
    ],
)
async def test_renamed_rows_meet(importing: Importing, one: dict[str, str], other: dict[str, str]) -> None:
    """A day under the old names and a later one under the new names give one product at the later price."""
    await importing(mandi_csv(mandi_row(**one)))
    await importing(mandi_csv(mandi_row(**other, Arrival_Date="20/02/2025", Modal="1800")))
    assert [1800] == [product.price_paise for product in importing.products]


def test_an_operators_table_goes_first(tmp_path: Path) -> None:
    """Own names join those that ship, step by step, and count only in the state that they name."""
    own = tmp_path / "own.csv"
    own.write_text("kind,state,name,means\nmarket,Punjab,Old Yard,Kharar APMC\nstate,,Panjab,Punjab\n")
    aliases = load_aliases(own)
    assert ("punjab", "kharar") == (aliases.state("PANJAB"), aliases.market("punjab", "Old Yard"))
    assert "old-yard" == aliases.market("goa", "Old Yard")
    assert aliases.digest != load_aliases().digest


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name,means\n", "must begin with kind,state,name,means"),
        ("kind,state,name,means\ntown,,A,B\n", "line 2: must be kind,state,name,means, with a kind of state"),
        ("kind,state,name,means\nstate,,A\n", "line 2: must be kind,state,name,means"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    """The refusal names the file, the line, and what is allowed."""
    own = tmp_path / "own.csv"
    own.write_text(content)
    with pytest.raises(ImportRefused) as refusal:
        load_aliases(own)
    assert str(refusal.value).startswith(f"{own}: ")
    assert reason in str(refusal.value)


def test_names_that_mean_each_other_are_refused(tmp_path: Path) -> None:
    """A circle of aliases is named instead of being followed for ever."""
    own = tmp_path / "own.csv"
    own.write_text("kind,state,name,means\nstate,,A,B\nstate,,B,A\n")
    with pytest.raises(ImportRefused, match="state 'a' means itself"):
        load_aliases(own).state("A")


def test_a_renamed_market_is_found_in_the_market_file(tmp_path: Path) -> None:
    """Old names in the market file are found under the new ones of the prices, and a market's own row comes first."""
    header = "MANDICODE,MANDINAME,STATECODE,LATITUDE,LONGITUDE,CENTREID"
    (tmp_path / "mandi-states.csv").write_text("STATECODE,STATE\n1,UTTRAKHAND\n")
    path = tmp_path / "markets.csv"
    path.write_text(f"{header}\n1,ROORKEE,1,29.9,77.9,1\n2,ROORKEE MARKET,1,30.1,78.1,1\n")
    markets = load_markets(path)
    assert (29.9, 77.9) == markets.locate("Uttarakhand", "Roorkee APMC")
    assert (30.1, 78.1) == markets.locate("Uttarakhand", "Roorkee Market")


@pytest.mark.parametrize(
    ("slug", "name", "identity"),
    [
        ("goa-north-mapusa-tomato-hybrid-faq", "Tomato (Hybrid)", "tomato|hybrid|faq"),
        ("goa-north-mapusa-onion-other-non-faq", "Onion", "onion|other|non-faq"),
        ("goa-north-mapusa-poppy-seeds-poppy-seeds-faq", "poppy seeds", "poppy-seeds|poppy seeds|faq"),
        ("goa-north-mapusa-banana-desi-bontha-large", "Banana (Desi(Bontha))", "banana|desi(bontha)|large"),
        (
            "goa-north-mapusa-arhar-tur-red-gram-whole-local-grade-b",
            "Arhar (Tur/Red Gram)(Whole) (Local)",
            "arhar-tur-red-gram-whole|local|grade b",
        ),
        (
            "goa-north-mapusa-arhar-tur-red-gram-whole-arhar-tur-red-gram-whole-faq",
            "Arhar (Tur/Red Gram)(Whole)",
            "arhar-tur-red-gram-whole|arhar(tur/red gram)(whole)|faq",
        ),
    ],
)
def test_an_earlier_releases_slug_becomes_an_identity(slug: str, name: str, identity: str) -> None:
    """The slug and what is stored beside it tell commodity, variety and grade apart again."""
    assert f"goa|north|mapusa|{identity}" == renewed(load_aliases(), slug, name, "Goa", "North", "Mapusa")


@pytest.mark.parametrize("external_id", ["17", "goa-north-mapusa-okra-faq", "kerala-north-mapusa-tomato-hybrid-faq"])
def test_what_is_no_slug_of_the_product_keeps_its_identity(external_id: str) -> None:
    """An id that somebody else made of something else is left alone."""
    assert None is renewed(load_aliases(), external_id, "Tomato (Hybrid)", "Goa", "North", "Mapusa")
