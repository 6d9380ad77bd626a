"""The market file: which places it gives, and when it is refused."""

from pathlib import Path

import pytest

from farmlokal.catalog.imports.markets import Markets, load_markets
from farmlokal.errors import ImportRefused

HEADER = "MANDICODE,MANDINAME,STATECODE,LATITUDE,LONGITUDE,CENTREID"


def written(
    folder: Path, *rows: str, header: str = HEADER, states: str | None = "5,NCT OF DELHI\n16,HARYANA\n"
) -> Path:
    """A market file of `rows`, with a file of `states` beside it."""
    path = folder / "locations.csv"
    path.write_text("\n".join([header, *rows, ""]))
    if states is not None:
        (folder / "mandi-states.csv").write_text(f"STATECODE,STATE\n{states}")
    return path


def test_a_market_is_found_by_state_and_name(tmp_path: Path) -> None:
    """Case, blanks and punctuation of either do not matter, but the state does."""
    markets = load_markets(written(tmp_path, "1,AZAD PUR(F&V),5,28.7,77.17,1"))
    assert (28.7, 77.17) == markets.locate("NCT of Delhi", "Azad  pur (F&V)")
    assert markets.locate("Haryana", "Azad Pur (F&V)") is None


def test_markets_of_one_name_keep_their_own_places(tmp_path: Path) -> None:
    """Two states' markets of the same name do not take each other's place."""
    markets = load_markets(written(tmp_path, "1,NARELA,5,28,77,1", "2,NARELA,16,29,75,1"))
    assert ((28, 77), (29, 75)) == (markets.locate("NCT of Delhi", "Narela"), markets.locate("Haryana", "Narela"))


@pytest.mark.parametrize(
    "point", ["NR,NR", "28.7031438,771772288", "-91,77", "28,-180.5", "nan,77", "28,inf", ",", "north,east"]
)
def test_a_point_off_the_globe_counts_as_missing(tmp_path: Path, point: str) -> None:
    """`NR`, the longitude of 771772288 and whatever else is no place on earth give no coordinates."""
    assert load_markets(written(tmp_path, f"1,NARELA,5,{point},1")).locate("NCT OF DELHI", "NARELA") is None


def test_without_a_file_nothing_is_located() -> None:
    """The empty table answers None and says its size."""
    assert Markets().locate("Haryana", "Sirsa") is None
    assert "<Markets located=0>" == repr(Markets())


@pytest.mark.parametrize(
    ("rows", "header", "states", "reason"),
    [
        ((), "a,b", "5,X\n", "locations.csv: has no column LATITUDE, LONGITUDE, MANDINAME, STATECODE"),
        ((), "<html>", "5,X\n", "locations.csv: is HTML or XML"),
        ((), HEADER, None, "mandi-states.csv: cannot be read: No such file"),
        (("1,NARELA,77,1,1,1",), HEADER, "5,X\n", "line 2: state code '77' does not stand in mandi-states.csv"),
        (("1,NARELA",), HEADER, "5,X\n", "locations.csv: line 2: STATECODE: must be given: the row has 2 of 6 cells"),
    ],
)
def test_a_wrong_market_file_is_refused(
    tmp_path: Path, rows: tuple[str, ...], header: str, states: str | None, reason: str
) -> None:
    """The refusal names the file, and the line where there is one."""
    with pytest.raises(ImportRefused) as refusal:
        load_markets(written(tmp_path, *rows, header=header, states=states))
    assert reason in str(refusal.value)
