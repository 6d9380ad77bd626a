"""What the change feed looks like: the code that makes it is checked against this, and documented by it."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from farmlokal.catalog.changes.position import PATTERN
from farmlokal.catalog.reading.schemas import WholeProduct
from farmlokal.database.dialect import IN_VALUES_MAX

# Its products are read by one list of ids.
CHANGES_MAX = IN_VALUES_MAX


class ChangedProduct(WholeProduct):
    """A product on offer, as it is now, with its identity at its source."""

    source: str
    external_id: str
    version: Annotated[int, Field(ge=0)]


class DeletedProduct(TypedDict):
    """A product that is no longer on offer. One that comes back keeps its id."""

    id: Annotated[int, Field(ge=1)]
    source: str
    external_id: str
    version: Annotated[int, Field(ge=0)]
    deleted: Literal[True]


class ChangePageInfo(TypedDict):
    """Where a page stands. has_more: whether the next one is there already, and complete or not."""

    limit: Annotated[int, Field(ge=1, le=CHANGES_MAX)]
    has_more: bool
    next_after: Annotated[str, Field(pattern=PATTERN, description="the `after` to go on with")]


class ChangePage(TypedDict):
    """What became of products, in the order in which a mirror has to take it over; each at most once in a page."""

    data: list[ChangedProduct | DeletedProduct]
    page: ChangePageInfo
