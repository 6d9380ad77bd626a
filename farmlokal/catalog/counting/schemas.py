"""What a summary looks like: the code that makes it is checked against this, and documented by it."""

from typing import Annotated, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from farmlokal.catalog.reading.schemas import Hint, Price, SearchInfo

_Products = Annotated[int, Field(ge=0)]
_Stars = Annotated[float | None, Field(ge=0, le=5)]


class Count(TypedDict):
    """A number of products. Where it is not exact it is estimated, and lies within `low` and `high` 19 times of 20.

    An exact count has itself as both bounds.
    """

    value: _Products
    exact: bool
    low: _Products
    high: _Products


class ValueCount(TypedDict):
    """How many products have one value. value: as the parameter of the facet's name takes it."""

    value: str | bool
    products: Count


class PriceBandCount(TypedDict):
    """How many products have a price of a band. Both ends are in it: they are a `min_price` and a `max_price`."""

    min: Price
    max: Annotated[Price | None, Field(description="null for the last band, which has no end")]
    products: Count


class RatingBandCount(TypedDict):
    """How many products have a rating of a band; both ends are null for those that nobody rated."""

    min: _Stars
    max: _Stars
    products: Count


class OtherValues(TypedDict):
    """What further values there are beside the commonest. values: how many; where they are estimated, at least."""

    values: Annotated[int, Field(ge=0)]
    products: Count


class ValueFacet(TypedDict):
    """How products are distributed over values; those without a value are in none. others: where not all are listed."""

    values: list[ValueCount]
    others: NotRequired[OtherValues]


class PriceFacet(TypedDict):
    """How products are distributed over prices: always the same bands."""

    values: list[PriceBandCount]


class RatingFacet(TypedDict):
    """How products are distributed over ratings: always the same bands."""

    values: list[RatingBandCount]


class Facets(TypedDict):
    """Each distribution is that of the products that pass every filter but those of the facet's own name or column."""

    category: ValueFacet
    district: ValueFacet
    price: PriceFacet
    organic: ValueFacet
    in_stock: ValueFacet
    rating: RatingFacet


class Summary(TypedDict):
    """How many products pass the filters, and how they are distributed. search: with `q` only."""

    total: Count
    facets: Facets
    near: NotRequired[Annotated[str, Field(description="the place that was asked for, rounded; with `near` only")]]
    search: NotRequired[SearchInfo]
    hints: NotRequired[Annotated[list[Hint], Field(description="values that no product has ever had")]]
