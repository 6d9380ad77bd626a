"""What the catalogue's answers look like: the code that makes them is checked against this, and documented by it."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.question.query import LIMIT_MAX
from farmlokal.catalog.search.regions import NEAR_MAX
from farmlokal.catalog.search.suggestions import NEAR_MISSES_MAX, SUGGESTIONS_MAX

CURRENCY = "INR"

_Id = Annotated[int, Field(ge=1)]
Price = Annotated[str, Field(pattern=r"^[0-9]+\.[0-9]{2}$", description="a decimal, never a float")]
_Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, description="UTC, whole seconds")]
# No closed list here: a client whose code is made from the document would break at a category that comes later.
_Category = Annotated[
    str,
    Field(
        json_schema_extra={"examples": list(CATEGORIES)}, description="as `GET /categories` lists them, or a new one"
    ),
]
Cursor = Annotated[str | None, Field(description="opaque; null where there is no such page")]


class Farm(TypedDict):
    """The farm that grows a product."""

    id: _Id
    name: str


class Product(TypedDict):
    """One product as clients see it on a page."""

    id: _Id
    name: str
    category: _Category
    price: Price
    currency: Annotated[str, Field(json_schema_extra={"const": CURRENCY})]
    unit: str
    farm: Farm | None
    market: str | None
    district: str | None
    state: str | None
    lat: Annotated[float | None, Field(ge=-90, le=90)]
    lon: Annotated[float | None, Field(ge=-180, le=180)]
    stock: Annotated[int, Field(ge=0)]
    organic: bool
    rating: Annotated[float | None, Field(ge=0, le=5)]
    created_at: _Time
    updated_at: _Time
    image_url: Annotated[str | None, Field(description="absolute, http or https")]
    distance_km: NotRequired[
        Annotated[float, Field(ge=0, description="from the place that was asked for; on its pages alone")]
    ]


class WholeProduct(Product):
    """One product as its own answer has it."""

    description: Annotated[str | None, Field(description="lines are parted by U+000A; plain text")]
    brand: str | None


class PageInfo(TypedDict):
    """Where a page stands in its listing. `has_more` exactly when `next_cursor` is not null."""

    limit: Annotated[int, Field(ge=1, le=LIMIT_MAX)]
    has_more: bool
    next_cursor: Cursor
    prev_cursor: Cursor
    near: NotRequired[Annotated[str, Field(description="the place that was asked for, rounded; on its pages alone")]]


class SearchInfo(TypedDict):
    """What was understood of `q`: the same for every spelling of it.

    filters: what words became that name a place. suggestions: what to ask instead, where nothing is found.
    """

    q: Annotated[str, Field(description="the words that products were looked for by; alternatives have `|` between")]
    filters: Annotated[dict[str, str | int], Field(description="`district`, `state` and `farm_id` that words became")]
    suggestions: NotRequired[Annotated[list[str], Field(max_length=NEAR_MISSES_MAX)]]


class Hint(TypedDict):
    """A value that no product has ever had. value: as it is compared. near: names that may be meant."""

    parameter: str
    value: str
    near: Annotated[list[str], Field(max_length=NEAR_MAX)]


class ProductPage(TypedDict):
    """One page of a listing. search: with `q` only. missing: with `ids` only."""

    data: list[Product]
    page: PageInfo
    search: NotRequired[SearchInfo]
    hints: NotRequired[
        Annotated[list[Hint], Field(description="values that no product has ever had; on a first page alone")]
    ]
    missing: NotRequired[
        Annotated[list[_Id], Field(description="the `ids` of which there is no product that passes, in their order")]
    ]


class SuggestionShown(TypedDict):
    """A text to ask for as `q`. kind: whether it names what is sold, or one of its varieties."""

    text: str
    kind: Literal["commodity", "name"]
    category: _Category
    products: Annotated[int, Field(ge=0, description="as they were last counted")]


class SuggestionList(TypedDict):
    """Completions of what was typed: commodities, then names; those with most products first."""

    data: Annotated[list[SuggestionShown], Field(max_length=SUGGESTIONS_MAX)]


class CategoryCount(TypedDict):
    """How many products a category has."""

    category: _Category
    products: Annotated[int, Field(ge=0)]


class CategoryList(TypedDict):
    """Every category of the closed list."""

    data: list[CategoryCount]
