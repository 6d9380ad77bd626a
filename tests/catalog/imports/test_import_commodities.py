"""The table of commodities."""

import csv
from importlib.resources import files

import pytest

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.imports.commodities import category_of_commodity
from farmlokal.catalog.imports.matching import matching_key


def table() -> list[dict[str, str]]:
    """The rows of the table as it ships."""
    text = files("farmlokal.catalog.imports").joinpath("commodities.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def test_every_category_stands_in_the_closed_list() -> None:
    """No commodity is given a category that the catalogue does not know."""
    assert [] == [row for row in table() if row["category"] not in CATEGORIES]


def test_no_commodity_stands_twice() -> None:
    """One line decides, whatever the spelling."""
    assert len(table()) == len({matching_key(row["commodity"]) for row in table()})


@pytest.mark.parametrize(
    ("commodity", "category"),
    [
        ("Tomato", "vegetables"),
        ("Paddy(Dhan)(Common)", "grains"),
        ("Arhar Dal(Tur Dal)", "pulses"),
        ("ARHAR DAL (TUR DAL)", "pulses"),
        ("Rose(Loose))", "flowers"),
        ("Ghee", "dairy"),
        ("Mustard Oil", "oils"),
        ("Firewood", "other"),
        ("Unheard Of", "other"),
    ],
)
def test_a_commodity_has_its_category(commodity: str, category: str) -> None:
    """Case and punctuation do not matter, and what is not in the table is `other`."""
    assert category == category_of_commodity(commodity)
