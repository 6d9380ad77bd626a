"""What a price history looks like: the code that makes it is checked against this, and documented by it."""

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from farmlokal.catalog.question.prices import LIMIT_MAX
from farmlokal.catalog.reading.schemas import CURRENCY, Cursor, Price

_Reported = Annotated[Price | None, Field(description="null where the market reported none")]


class PriceDay(TypedDict):
    """What a product cost at its market on one day, for one `unit`. modal: what most of it was sold for."""

    day: Annotated[str, Field(json_schema_extra={"format": "date"})]
    min: _Reported
    modal: Price
    max: _Reported
    currency: Annotated[str, Field(json_schema_extra={"const": CURRENCY})]
    unit: str


class PriceHistoryPageInfo(TypedDict):
    """Where a page stands in the history. `has_more` exactly when `next_cursor` is not null."""

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)]
    has_more: bool
    next_cursor: Cursor
    prev_cursor: Cursor


class PriceHistoryPage(TypedDict):
    """Days of a product's history, the newest first."""

    data: list[PriceDay]
    page: PriceHistoryPageInfo
