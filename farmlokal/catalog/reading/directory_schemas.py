"""What the directory's answers look like: the code that makes them is checked against this, and documented by it."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from farmlokal.catalog.question.directory import Level
from farmlokal.catalog.question.query import LIMIT_MAX
from farmlokal.catalog.reading.schemas import Cursor, Hint

_Counted = Annotated[int, Field(ge=0, description="as they were last counted, at most five minutes ago")]


class PlaceShown(TypedDict):
    """A place that products are at: what to ask for as `state` or `district`.

    district: of a market. state: of a market or a district.
    """

    level: Level
    name: str
    district: str | None
    state: str | None
    products: _Counted


class FarmShown(TypedDict):
    """A farm: its `id` is what to ask for as `farm_id`."""

    id: Annotated[int, Field(ge=1)]
    name: str
    district: str | None
    state: str | None
    products: _Counted


class DirectoryPageInfo(TypedDict):
    """Where a page stands in its list. `has_more` exactly when `next_cursor` is not null."""

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)]
    has_more: bool
    next_cursor: Cursor
    prev_cursor: Cursor


class PlacePage(TypedDict):
    """Places in the order of their names. hints: where what was asked for is not known."""

    data: list[PlaceShown]
    page: DirectoryPageInfo
    hints: NotRequired[list[Hint]]


class FarmPage(TypedDict):
    """Farms in the order of their names. hints: where what was asked for is not known."""

    data: list[FarmShown]
    page: DirectoryPageInfo
    hints: NotRequired[list[Hint]]
