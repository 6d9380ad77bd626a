"""The words and figures of the made-up catalogue, read from the CSV files beside this module."""

import csv
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

REGIONS = ("north", "hills", "central", "west", "south", "east", "northeast")
"""Parts of the country that grow different things. Every state lies in one of them."""


class Category(NamedTuple):
    """How common a category is (in thousandths of all products), who sells it, and how much is usually in stock."""

    name: str
    sector: str
    share_permille: int
    stock_median: int


class Commodity(NamedTuple):
    """Something that farms sell. Commodities and their varieties stand with the commonest first.

    Prices per `unit` are log-normal: `median_rupees`, and `sigma` of the natural logarithm. It is grown in `regions`,
    or everywhere where none is named.
    """

    category: str
    name: str
    unit: str
    median_rupees: float
    sigma: float
    regions: tuple[str, ...]
    varieties: tuple[str, ...]


class State(NamedTuple):
    """A state or union territory: its region, and the surnames and landmarks by which its farms are named."""

    name: str
    region: str
    surnames: tuple[str, ...]
    landmarks: tuple[str, ...]


class District(NamedTuple):
    """A district, told from its namesakes by its state: where its town lies, its weight, and its markets' names."""

    name: str
    state: str
    lat: float
    lon: float
    weight: int
    markets: tuple[str, ...]


def categories() -> list[Category]:
    """Every category of the catalogue, with shares that add up to 1,000."""
    return [
        Category(row["category"], row["sector"], int(row["share_permille"]), int(row["stock_median"]))
        for row in _rows("categories.csv")
    ]


def commodities() -> list[Commodity]:
    """Every commodity, the commonest of each category first."""
    return [
        Commodity(
            row["category"],
            row["commodity"],
            row["unit"],
            float(row["median_rupees"]),
            float(row["sigma"]),
            _several(row["regions"]),
            _several(row["varieties"]),
        )
        for row in _rows("commodities.csv")
    ]


def states() -> dict[str, State]:
    """Every state and union territory of the catalogue, by name."""
    return {
        row["state"]: State(row["state"], row["region"], _several(row["surnames"]), _several(row["landmarks"]))
        for row in _rows("states.csv")
    }


def districts() -> list[District]:
    """Every district, state by state."""
    return [
        District(
            row["district"],
            row["state"],
            float(row["lat"]),
            float(row["lon"]),
            int(row["weight"]),
            _several(row["markets"]),
        )
        for row in _rows("districts.csv")
    ]


def farm_name_forms() -> dict[tuple[str, str], tuple[str, ...]]:
    """The forms of farm names, such as `{} Dairy`, by sector and style (ordinary, organic or cooperative)."""
    return {(row["sector"], row["style"]): _several(row["forms"]) for row in _rows("farm_names.csv")}


def _rows(file: str) -> Iterator[dict[str, str]]:
    return csv.DictReader(files(__package__).joinpath(file).read_text(encoding="utf-8").splitlines())


def _several(field: str) -> tuple[str, ...]:
    return tuple(field.split("|")) if field else ()
