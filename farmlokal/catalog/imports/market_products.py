"""What a row of market prices becomes: a product of the catalogue, or nothing where no price is reported."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple, TypeVar

from farmlokal.catalog import records
from farmlokal.catalog.imports.aliases import Aliases
from farmlokal.catalog.imports.commodities import category_of_commodity, is_known
from farmlokal.catalog.imports.dates import midnight, parse_day
from farmlokal.catalog.imports.identity import identity, market_prefix
from farmlokal.catalog.imports.lines import EXCERPT_CHARS, OnUnknown
from farmlokal.catalog.imports.market_cells import name_text, paise_of, paise_or_nothing, plain
from farmlokal.catalog.imports.market_rows import MarketRow
from farmlokal.catalog.imports.markets import Markets
from farmlokal.catalog.imports.plausibility import Plausibility
from farmlokal.catalog.imports.units import QUINTAL, Unit, unit_of
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.records import MARKET_SOURCE, ProductRecord
from farmlokal.catalog.wire import check_not_ahead
from farmlokal.catalog.writing.market_files import Commodity
from farmlokal.errors import Fault, InvalidRecord

_NAMES = ("state", "district", "market", "commodity", "variety", "grade")
_NO_DAY = date(1970, 1, 1)
# Of markets, kinds and days, some megabytes in all: a file of nothing but new names must not fill the memory.
_REMEMBERED_MAX = 16_384

_Value = TypeVar("_Value")


class MarketOptions(NamedTuple):
    """How an operator wants market files to be read.

    day_first: whether their dates write the day first; None leaves it to the file. reject_implausible: whether a price
    that is out of all proportion is refused, or only spoken of.
    """

    day_first: bool | None = None
    reject_implausible: bool = False


class _Market(NamedTuple):
    """A market, which many rows are of. prefix: what the identities of its products begin with."""

    state: str
    district: str
    market: str
    prefix: str
    lat: float | None
    lon: float | None


class _Kind(NamedTuple):
    """What is sold, in which many rows agree. id_end: of its identities. usual: by which its usual price is known.

    unknown: what its commodity is called where its category is not known, else None. sold_by: what the prices of its
    rows are for.
    """

    id_end: str
    name: str
    category: str
    usual: Commodity
    unknown: str | None
    sold_by: Unit


class _Day(NamedTuple):
    """The day of a row. version: of what the file says of it."""

    day: date
    version: int
    created_at: str


class MarketProducts:
    """Makes products of rows, and notes on the way what it met.

    covered: what the identities of each market's products begin with. newest_day, newest_version: the latest of all
    products so far, and the greatest version; None and 0 before the first.
    """

    def __init__(
        self,
        columns: Mapping[str, str],
        *,
        aliases: Aliases,
        markets: Markets,
        plausibility: Plausibility,
        versions: Mapping[date, int],
        reject_implausible: bool,
        day_first: bool,
        now: datetime,
        on_unknown: OnUnknown,
        on_implausible: Callable[[int, str], None],
    ) -> None:
        """columns: what the file calls the fields of a row. versions: the version of what the file says of each day."""
        self._columns = columns
        self._aliases = aliases
        self._markets = markets
        self._plausibility = plausibility
        self._versions = versions
        self._reject_implausible = reject_implausible
        self._day_first = day_first
        self._now = now
        self._on_unknown = on_unknown
        self._on_implausible = on_implausible
        # Of a file's rows each market is in a hundred, each kind in a thousand.
        self._market = lru_cache(_REMEMBERED_MAX)(self._read_market)
        self._kind = lru_cache(_REMEMBERED_MAX)(self._read_kind)
        self._day = lru_cache(_REMEMBERED_MAX)(self._read_day)
        self.covered: set[str] = set()
        self.newest_day: date | None = None
        self.newest_version = 0

    def __repr__(self) -> str:
        return f"<MarketProducts markets={len(self.covered)}>"

    def product(self, number: int, row: MarketRow) -> ProductRecord | None:
        """The product of a row on the line `number`; None where it reports no price, which is 0 in the modal price.

        Raises InvalidRecord, which lists every fault.
        """
        state, district, market, commodity, variety, grade, said_day, lowest, highest, modal, unit = row
        try:
            at = self._market(state, district, market)
            kind = self._kind(commodity, variety, grade, unit)
            day = self._day(said_day)
            price_paise = paise_of(modal, kind.sold_by)
            min_paise = paise_or_nothing(lowest, kind.sold_by)
            max_paise = paise_or_nothing(highest, kind.sold_by)
        except ValueError:
            raise InvalidRecord(self._faults(row)) from None
        self.covered.add(at.prefix)
        if not price_paise:
            return None
        external_id = at.prefix + kind.id_end
        doubt = self._plausibility.doubt(kind.usual, price_paise)
        if faults := self._faults_together(row, external_id, kind.name, doubt):
            raise InvalidRecord(faults)
        if doubt is not None:
            self._on_implausible(number, f"{kind.name}: {doubt}")
        if kind.unknown is not None:
            self._on_unknown(kind.unknown)
        if day.version > self.newest_version:
            self.newest_day, self.newest_version = day.day, day.version
        return ProductRecord(
            MARKET_SOURCE,
            external_id,
            day.version,
            kind.name,
            kind.category,
            price_paise,
            kind.sold_by.name,
            market=at.market,
            district=at.district,
            state=at.state,
            lat=at.lat,
            lon=at.lon,
            created_at=day.created_at,
            said="\n".join(row),
            min_paise=min_paise,
            max_paise=max_paise,
        )

    def _read_market(self, *said: str) -> _Market:
        """State, district and market of their cells. Raises ValueError, which `_faults` explains."""
        state, district, market = (name_text(plain(cell)) for cell in said)
        lat, lon = self._markets.locate(state, market) or (None, None)
        return _Market(state, district, market, market_prefix(self._aliases, state, district, market), lat, lon)

    def _read_kind(self, said_commodity: str, said_variety: str, said_grade: str, said_unit: str) -> _Kind:
        commodity, variety, grade = (name_text(plain(cell)) for cell in (said_commodity, said_variety, said_grade))
        unit = unit_of(said_commodity, plain(said_unit))
        return _Kind(
            identity("", self._aliases, commodity, variety, grade),
            _name(commodity, variety),
            category_of_commodity(commodity),
            (self._aliases.commodity(commodity), unit.name),
            None if is_known(commodity) else commodity,
            unit,
        )

    def _read_day(self, said: str) -> _Day:
        day = self._checked_day(plain(said))
        return _Day(day, self._versions[day], f"{day}T00:00:00Z")

    def _faults(self, row: MarketRow) -> list[Fault]:
        """What is wrong with each cell of a row by itself."""
        faults: list[Fault] = []

        def checked(field: str, check: Callable[[str], _Value], fallback: _Value) -> _Value:
            value = plain(getattr(row, field))
            try:
                return check(value)
            except ValueError as error:
                faults.append(self._fault(field, value, str(error)))
                return fallback

        for field in _NAMES:
            checked(field, name_text, "")
        checked("arrival_date", self._checked_day, _NO_DAY)
        unit = checked("unit", lambda said: unit_of(row.commodity, said), QUINTAL)
        checked("min_price", lambda said: paise_or_nothing(said, unit), None)
        checked("max_price", lambda said: paise_or_nothing(said, unit), None)
        checked("modal_price", lambda said: paise_of(said, unit), 0)
        return faults

    def _faults_together(self, row: MarketRow, external_id: str, name: str, doubt: str | None) -> list[Fault]:
        """What is wrong with a row whose cells are right, each by itself."""
        faults: list[Fault] = []
        if len(external_id) > records.EXTERNAL_ID_CHARS_MAX:
            faults.append(_too_long(self._named(_NAMES), external_id, records.EXTERNAL_ID_CHARS_MAX))
        if len(name) > records.NAME_CHARS_MAX:
            faults.append(_too_long(self._named(("commodity", "variety")), name, records.NAME_CHARS_MAX))
        if doubt is not None and self._reject_implausible:
            faults.append(self._fault("modal_price", plain(row.modal_price), f"must be plausible ({doubt})"))
        return faults

    def _named(self, fields: Sequence[str]) -> str:
        """What the file calls several fields together."""
        return ", ".join(self._columns.get(field, field) for field in fields)

    def _fault(self, field: str, value: str, detail: str) -> Fault:
        return Fault(self._columns.get(field, field), value[:EXCERPT_CHARS], detail)

    def _checked_day(self, value: str) -> date:
        day = parse_day(value, day_first=self._day_first)
        check_not_ahead(midnight(day), self._now)
        return day


def version_of(day: date, sequence: int) -> int:
    """The version of what the file with the number `sequence` says of `day`: later days are newer, then later files."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + sequence


def _name(commodity: str, variety: str) -> str:
    """`Tomato (Hybrid)`; the variety is left out where it says nothing more."""
    if text_key(variety) in ("other", text_key(commodity)):
        return commodity
    return f"{commodity} ({variety})"


def _too_long(fields: str, value: str, chars_max: int) -> Fault:
    return Fault(fields, value[:EXCERPT_CHARS] + "…", f"must have at most {chars_max} characters, has {len(value)}")
