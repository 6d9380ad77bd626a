"""What a row of market prices becomes: a product of the catalogue, or nothing where no price is reported."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple, TypeVar

from farmlokal.catalog import records
from farmlokal.catalog.imports.aliases import Aliases
from farmlokal.catalog.imports.commodities import category_of_commodity, is_known
from farmlokal.catalog.imports.dates import midnight, parse_day
from farmlokal.catalog.imports.identity import identity, market_prefix
from farmlokal.catalog.imports.lines import EXCERPT_CHARS, OnUnknown
from farmlokal.catalog.imports.market_cells import name_text, paise_or_nothing, plain, rupees, whole_paise
from farmlokal.catalog.imports.market_rows import MarketRow
from farmlokal.catalog.imports.markets import Markets
from farmlokal.catalog.imports.plausibility import Plausibility
from farmlokal.catalog.imports.units import QUINTAL, unit_of
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.records import MARKET_SOURCE, ProductRecord
from farmlokal.catalog.wire import check_not_ahead
from farmlokal.errors import Fault, InvalidRecord

_NAMES = ("state", "district", "market", "commodity", "variety", "grade")
_NO_DAY = date(1970, 1, 1)

_Value = TypeVar("_Value")


class MarketOptions(NamedTuple):
    """How an operator wants market files to be read.

    day_first: whether their dates write the day first; None leaves it to the file. reject_implausible: whether a price
    that is out of all proportion is refused, or only spoken of.
    """

    day_first: bool | None = None
    reject_implausible: bool = False


class _Cells(NamedTuple):
    """A row whose cells are what they should be. unit: the product's. The prices are for one of it."""

    state: str
    district: str
    market: str
    commodity: str
    variety: str
    grade: str
    day: date
    unit: str
    min_paise: int | None
    price_paise: int
    max_paise: int | None


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
        self.covered: set[str] = set()
        self.newest_day: date | None = None
        self.newest_version = 0

    def __repr__(self) -> str:
        return f"<MarketProducts markets={len(self.covered)}>"

    def product(self, number: int, row: MarketRow) -> ProductRecord | None:
        """The product of a row on the line `number`; None where it reports no price, which is 0 in the modal price.

        Raises InvalidRecord, which lists every fault.
        """
        cells = self._checked(row)
        prefix = market_prefix(self._aliases, cells.state, cells.district, cells.market)
        self.covered.add(prefix)
        if not cells.price_paise:
            return None
        external_id = identity(prefix, self._aliases, cells.commodity, cells.variety, cells.grade)
        name = _name(cells.commodity, cells.variety)
        doubt = self._plausibility.doubt((self._aliases.commodity(cells.commodity), cells.unit), cells.price_paise)
        faults = _too_long(self._named(_NAMES), external_id, records.EXTERNAL_ID_CHARS_MAX)
        faults += _too_long(self._named(("commodity", "variety")), name, records.NAME_CHARS_MAX)
        if doubt is not None and self._reject_implausible:
            faults.append(self._fault("modal_price", plain(row.modal_price), f"must be plausible ({doubt})"))
        if faults:
            raise InvalidRecord(faults)
        if doubt is not None:
            self._on_implausible(number, f"{name}: {doubt}")
        if not is_known(cells.commodity):
            self._on_unknown(cells.commodity)
        version = self._versions[cells.day]
        if version > self.newest_version:
            self.newest_day, self.newest_version = cells.day, version
        lat, lon = self._markets.locate(cells.state, cells.market) or (None, None)
        return ProductRecord(
            source=MARKET_SOURCE,
            external_id=external_id,
            version=version,
            name=name,
            category=category_of_commodity(cells.commodity),
            price_paise=cells.price_paise,
            unit=cells.unit,
            market=cells.market,
            district=cells.district,
            state=cells.state,
            lat=lat,
            lon=lon,
            created_at=f"{cells.day}T00:00:00Z",
            said="\n".join(row),
            min_paise=cells.min_paise,
            max_paise=cells.max_paise,
        )

    def _checked(self, row: MarketRow) -> "_Cells":
        faults: list[Fault] = []

        def checked(field: str, check: Callable[[str], _Value], fallback: _Value) -> _Value:
            value = plain(getattr(row, field))
            try:
                return check(value)
            except ValueError as error:
                faults.append(self._fault(field, value, str(error)))
                return fallback

        names = {field: checked(field, name_text, "") for field in _NAMES}
        day = checked("arrival_date", self._day, _NO_DAY)
        unit = checked("unit", lambda said: unit_of(row.commodity, said), QUINTAL)
        min_paise = checked("min_price", lambda said: paise_or_nothing(said, unit), None)
        max_paise = checked("max_price", lambda said: paise_or_nothing(said, unit), None)
        price_paise = checked("modal_price", lambda said: whole_paise(rupees(said), unit), 0)
        if faults:
            raise InvalidRecord(faults)
        return _Cells(
            **names, day=day, unit=unit.name, min_paise=min_paise, price_paise=price_paise, max_paise=max_paise
        )

    def _named(self, fields: Sequence[str]) -> str:
        """What the file calls several fields together."""
        return ", ".join(self._columns.get(field, field) for field in fields)

    def _fault(self, field: str, value: str, detail: str) -> Fault:
        return Fault(self._columns.get(field, field), value[:EXCERPT_CHARS], detail)

    def _day(self, value: str) -> date:
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


def _too_long(fields: str, value: str, chars_max: int) -> list[Fault]:
    if len(value) <= chars_max:
        return []
    return [Fault(fields, value[:EXCERPT_CHARS] + "…", f"must have at most {chars_max} characters, has {len(value)}")]
