"""The cells of a row of market prices, each checked by itself. What is wrong with one is told by a ValueError."""

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

from farmlokal.catalog import records
from farmlokal.catalog.imports.units import Unit
from farmlokal.formats.text import accepted

_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,20})?", re.ASCII)


@lru_cache(maxsize=16_384)
def plain(cell: str) -> str:
    """A cell with its white space collapsed."""
    return " ".join(filter(None, cell.split(" ")))


@lru_cache(maxsize=8192)  # some 3,000 different names make up a day's 110,000 cells
def name_text(value: str) -> str:
    """The name of a place, of a commodity or of its kind."""
    if not value:
        raise ValueError("must be given")
    if len(value) > records.PLACE_CHARS_MAX:
        raise ValueError(f"must have at most {records.PLACE_CHARS_MAX} characters")
    value = accepted(value)
    if not any(unicodedata.category(char)[0] in "LN" for char in value):
        # Otherwise all such names would share one identity.
        raise ValueError("must hold a letter or a digit")
    return value


def rupees(value: str) -> Decimal:
    """A price in rupees."""
    if not _NUMBER.fullmatch(value):
        raise ValueError("must be a plain number of rupees" if value else "must be given")
    amount = Decimal(value)
    if amount < 0:
        raise ValueError("must not be negative")
    return amount


@lru_cache(maxsize=16_384)  # prices are round
def paise_of(cell: str, unit: Unit) -> int:
    """Paise for one of what the product is sold by, a half going up. cell: rupees for as many as `unit` says."""
    paise = int((rupees(plain(cell)) * 100 / unit.quantity).quantize(Decimal(1), ROUND_HALF_UP))
    if paise > records.PRICE_PAISE_MAX:
        raise ValueError(f"must be at most {records.PRICE_PAISE_MAX}")
    return paise


@lru_cache(maxsize=16_384)
def paise_or_nothing(cell: str, unit: Unit) -> int | None:
    """A lowest or highest price; None where it is absent or 0. A wrong one says that the row is damaged."""
    return (paise_of(cell, unit) or None) if plain(cell) else None
