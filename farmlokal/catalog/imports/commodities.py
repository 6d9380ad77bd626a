"""Which of our categories a commodity of the portal belongs to."""

import csv
from functools import cache
from importlib.resources import files

from farmlokal.catalog.categories import OTHER
from farmlokal.catalog.imports.matching import matching_key


def category_of_commodity(commodity: str) -> str:
    """The category of `commodity` as commodities.csv has it, whatever its case and punctuation; else `other`."""
    return _categories().get(matching_key(commodity), OTHER)


def is_known(commodity: str) -> bool:
    """Whether commodities.csv has `commodity`, be it in `other`."""
    return matching_key(commodity) in _categories()


@cache
def _categories() -> dict[str, str]:
    text = files(__package__).joinpath("commodities.csv").read_text(encoding="utf-8")
    return {matching_key(row["commodity"]): row["category"] for row in csv.DictReader(text.splitlines())}
