"""What a market's price is for: a quintal, unless the form or the table of units says otherwise.

A form that names anything but the quintal is believed. The quintal stands over every column of the portal's reports,
over eggs and cows too: there `units.csv` counts.
"""

import csv
import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from farmlokal.catalog.imports.aliases import words_key


class Unit(NamedTuple):
    """What a price is for. name: the product's unit; quantity: how many of them the market's price is for."""

    name: str
    quantity: int


QUINTAL = Unit("kg", 100)
_UNITS = {
    "quintal": QUINTAL,
    "kg": Unit("kg", 1),
    "piece": Unit("piece", 1),
    "dozen": Unit("dozen", 1),
    "litre": Unit("litre", 1),
    "animal": Unit("animal", 1),
}
_SPELLINGS = {
    "qtl": "quintal",
    "quintals": "quintal",
    "kilogram": "kg",
    "kgs": "kg",
    "pieces": "piece",
    "nos": "piece",
    "number": "piece",
    "each": "piece",
    "unit": "piece",
    "dozens": "dozen",
    "liter": "litre",
    "litres": "litre",
    "ltr": "litre",
    "head": "animal",
}
_BEFORE_UNIT = re.compile(r"^(rs|inr|rupees|₹)?\.?\s*(/|per)?\s*", re.IGNORECASE)


@lru_cache(maxsize=8192)
def unit_of(commodity: str, said: str) -> Unit:
    """The unit that a price of `commodity` is for. said: what the form calls it, such as `Rs./Quintal`; may be empty.

    Raises ValueError where the form names a unit that nobody knows.
    """
    word = _BEFORE_UNIT.sub("", said.strip()).strip(" .()").lower()
    name = _SPELLINGS.get(word, word) or "quintal"
    if name not in _UNITS:
        raise ValueError(f"must be one of {', '.join(_UNITS)}")
    if name == "quintal":
        name = _table().get(words_key(commodity), name)
    return _UNITS[name]


@cache
def _table() -> dict[str, str]:
    text = files(__package__).joinpath("units.csv").read_text(encoding="utf-8")
    return {words_key(row["commodity"]): row["unit"] for row in csv.DictReader(text.splitlines())}
