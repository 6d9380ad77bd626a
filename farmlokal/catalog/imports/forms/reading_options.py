"""What reading a file needs besides the file, and what comes out of it."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import NamedTuple

from farmlokal.catalog.imports.forms.mapping import ListMapping
from farmlokal.catalog.imports.lines import OnUnknown
from farmlokal.catalog.imports.market_rows import NumberedRow
from farmlokal.catalog.records import ProductRecord
from farmlokal.errors import InvalidRecord

DEFAULT_SOURCE = "import"

Row = tuple[int, ProductRecord | InvalidRecord]


class ReadOptions(NamedTuple):
    """What an operator says of a file. state: whose prices it holds, where it does not say. mapping: of a list."""

    state: str | None = None
    mapping: ListMapping | None = None


class Reading(NamedTuple):
    """The circumstances of one reading.

    source: where products are from that do not say so; None leaves it to the form. now: aware. changed_at: aware, when
    the file was last changed: the version of products that have none. on_unknown: gets each category that is not in
    the list. on_remark: gets what people should know of the file as a whole.
    """

    source: str | None
    now: datetime
    changed_at: datetime
    options: ReadOptions
    on_unknown: OnUnknown
    on_remark: Callable[[str], None]


class FormRows(NamedTuple):
    """The rows of a file: products, or market prices; the other is None.

    columns: what the file calls the fields of a MarketRow. day_first: what a mapping says of the dates of prices.
    """

    products: Iterator[Row] | None = None
    market_rows: Iterator[NumberedRow] | None = None
    columns: Mapping[str, str] = {}
    day_first: bool | None = None
