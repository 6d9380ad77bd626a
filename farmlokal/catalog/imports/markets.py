"""Where the markets are: the portal's market file, joined with its state file."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from farmlokal.catalog.imports.aliases import Aliases, load_aliases
from farmlokal.catalog.imports.csv_rows import csv_cells, csv_rows
from farmlokal.catalog.imports.matching import matching_key
from farmlokal.catalog.imports.opening import open_regular, start_of_text
from farmlokal.errors import ImportRefused, InvalidRecord

STATES_FILE = "mandi-states.csv"

_MARKET_COLUMNS = frozenset({"MANDINAME", "STATECODE", "LATITUDE", "LONGITUDE"})
_STATE_COLUMNS = frozenset({"STATECODE", "STATE"})

Point = tuple[float, float]


class Markets:
    """The located markets: latitude and longitude in degrees by state and market name."""

    def __init__(self, aliases: Aliases | None = None) -> None:
        """aliases: by default those that ship."""
        self._aliases = aliases or load_aliases()
        self._named: dict[tuple[str, str], Point] = {}
        self._meant: dict[tuple[str, str], Point] = {}

    def __repr__(self) -> str:
        return f"<Markets located={len(self._named)}>"

    def add(self, state: str, market: str, point: Point) -> None:
        """Note where a market is; the first of two that share a name counts."""
        state_key = self._aliases.state(state)
        self._named.setdefault((state_key, matching_key(market)), point)
        self._meant.setdefault((state_key, self._meant_key(state_key, market)), point)

    def locate(self, state: str, market: str) -> Point | None:
        """Latitude and longitude of `market` in `state`, or None where the file does not say.

        Names meet in any case, spacing and punctuation, or by the alias tables, and no other way:
        `Kumbakonam (Uzhavar Sandhai)` is not looked up as `Kumbakonam`. Dropping such suffixes would place 15 markets
        more of a day's 1,451, and some of them wrongly, because the brackets often hold another town.
        """
        if not self._named:
            return None
        state_key = self._aliases.state(state)
        named = self._named.get((state_key, matching_key(market)))
        return named or self._meant.get((state_key, self._meant_key(state_key, market)))

    def _meant_key(self, state_key: str, market: str) -> str:
        return self._aliases.market(state_key, market).replace("-", "")


def load_markets(path: Path, aliases: Aliases | None = None) -> Markets:
    """The markets of the file at `path`; the file of state codes is found beside it.

    aliases: by default those that ship.

    `NR` (not recorded) and a point off the globe count as missing. Raises ImportRefused where either file is absent
    or not what it should be.
    """
    states = dict(_states(path.with_name(STATES_FILE)))
    markets = Markets(aliases)
    for number, row in _rows(path, _MARKET_COLUMNS):
        state = states.get(row["STATECODE"].strip())
        if state is None:
            raise ImportRefused(
                f"{path}: line {number}: state code {row['STATECODE'][:20]!r} does not stand in {STATES_FILE}"
            )
        point = _point(row["LATITUDE"], row["LONGITUDE"])
        if point is not None:
            markets.add(state, row["MANDINAME"], point)
    return markets


def _states(path: Path) -> Iterator[tuple[str, str]]:
    for _, row in _rows(path, _STATE_COLUMNS):
        yield row["STATECODE"].strip(), row["STATE"]


def _point(latitude: str, longitude: str) -> Point | None:
    with suppress(ValueError):
        lat, lon = float(latitude), float(longitude)
        if -90 <= lat <= 90 and -180 <= lon <= 180:
            return lat, lon
    return None


def _rows(path: Path, required: frozenset[str]) -> Iterator[tuple[int, dict[str, str]]]:
    with open_regular(path) as file:
        yield from _checked_rows(path, file, required)


def _checked_rows(path: Path, file: BinaryIO, required: frozenset[str]) -> Iterator[tuple[int, dict[str, str]]]:
    header, lines = start_of_text(str(path), file)
    try:
        columns = [cell.strip() for cell in csv_cells(header, lines)]
    except InvalidRecord as error:
        raise ImportRefused(f"{path}: line {header.number}: {error}") from error
    if missing := sorted(required.difference(columns)):
        raise ImportRefused(f"{path}: has no column {', '.join(missing)}, so it is not the portal's market data")
    for number, row in csv_rows(lines, columns):
        if isinstance(row, InvalidRecord):
            raise ImportRefused(f"{path}: line {number}: {row}") from row
        yield number, row
