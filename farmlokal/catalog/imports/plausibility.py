"""Which prices are plausible: within ten times of what the commodity usually costs, either way.

What is usual is learnt: the median of the last file that had five prices or more of the commodity, which the catalogue
keeps; else the median of the file itself, of as many; else `typical_prices.csv`, the medians of one published day. A
commodity of which none of them knows anything has every price.
"""

import csv
from array import array
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from statistics import median_low

from farmlokal.catalog.imports.aliases import Aliases
from farmlokal.catalog.imports.units import QUINTAL
from farmlokal.catalog.writing.market_files import Commodity

PRICES_MIN = 5  # of fewer, one wrong price in three moves the median
# Prices of one vegetable differ by three times between markets of one day, and by five between seasons. What is meant
# for a piece or a kilogram is off by fifty.
_FACTOR = 10


class FilePrices:
    """The prices of a file, eight bytes each."""

    def __init__(self) -> None:
        self._prices: defaultdict[Commodity, array[int]] = defaultdict(lambda: array("q"))

    def __repr__(self) -> str:
        return f"<FilePrices commodities={len(self._prices)}>"

    def add(self, commodity: Commodity, paise: int) -> None:
        """Count one price."""
        self._prices[commodity].append(paise)

    def medians(self) -> dict[Commodity, int]:
        """The median of each commodity of which there are enough prices."""
        return {
            commodity: median_low(prices) for commodity, prices in self._prices.items() if len(prices) >= PRICES_MIN
        }


class Plausibility:
    """Judges prices by what is usual."""

    def __init__(self, aliases: Aliases, *, of_file: Mapping[Commodity, int], known: Mapping[Commodity, int]) -> None:
        """of_file: the file's medians, in paise. known: the catalogue's."""
        published = {(aliases.commodity(name), QUINTAL.name): paise for name, paise in _published().items()}
        self._usual = {**published, **of_file, **known}

    def __repr__(self) -> str:
        return f"<Plausibility commodities={len(self._usual)}>"

    def doubt(self, commodity: Commodity, paise: int) -> str | None:
        """What makes a price implausible; None where nothing does."""
        usual = self._usual.get(commodity)
        if usual is None or usual <= paise * _FACTOR <= usual * _FACTOR**2:
            return None
        return f"{_rupees(paise)} per {commodity[1]}, where {_rupees(usual)} is usual"


@cache
def _published() -> dict[str, int]:
    text = files(__package__).joinpath("typical_prices.csv").read_text(encoding="utf-8")
    # Rupees per 100 kg are paise per kg.
    return {row["commodity"]: int(row["rupees_per_quintal"]) for row in csv.DictReader(text.splitlines())}


def _rupees(paise: int) -> str:
    return f"{paise // 100}.{paise % 100:02d}"
