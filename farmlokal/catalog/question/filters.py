"""The filters of the listing: a row for each says all that there is to know of it.

Their order is that of the parameters wherever these are listed, and of the canonical text.
"""

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.question import forms, storage
from farmlokal.catalog.question.filter import Filter, as_number, as_price
from farmlokal.catalog.question.filter_kinds import Between, Equality, InRows, OneOf, Picked
from farmlokal.catalog.question.near import POINT, RADIUS, NearFilter
from farmlokal.catalog.question.parameter import QuestionParameter, Several
from farmlokal.catalog.question.storage import Index
from farmlokal.catalog.question.words import NAME_KEYS, NAMED, WORDS

CATEGORY = OneOf(
    name="category",
    parameter=QuestionParameter(
        "category",
        forms.CATEGORY,
        "products of any of these categories, in upper or lower case",
        "fruits",
        several=Several(20, "categories"),
    ),
    column=storage.CATEGORY,
    every=CATEGORIES,
    indexes=(
        Index("listing_of_category_by_created_at", "created_at", lacks=("rating",)),
        Index("listing_of_category_by_price", "price", sortable=True),
        Index("listing_of_category_by_name", "name", lacks=("rating",)),
    ),
)
PRICE = Between(
    name="price",
    low=QuestionParameter("min_price", forms.PRICE, "lowest price in rupees, inclusive", "10.00"),
    high=QuestionParameter("max_price", forms.PRICE, "highest price in rupees, inclusive", "50.00"),
    column=storage.PRICE_PAISE,
    sql="price",
    bind=as_price,
    sort="price",
)
DISTRICT = OneOf(
    name="district",
    parameter=QuestionParameter(
        "district",
        forms.PLACE,
        "the whole name of a district, in upper or lower case; of several, any",
        "Pune",
        several=Several(20, "districts", commas=False),
    ),
    column=storage.DISTRICT_KEY,
    indexes=(Index("listing_of_district", "created_at", sortable=True),),
    narrowness=2,
)
STATE = OneOf(
    name="state",
    parameter=QuestionParameter(
        "state",
        forms.PLACE,
        "the whole name of a state, in upper or lower case; of several, any",
        "Maharashtra",
        several=Several(20, "states", commas=False),
    ),
    column=storage.STATE_KEY,
    indexes=(Index("listing_of_state", "created_at", sortable=True),),
    narrowness=1,
)
FARM = OneOf(
    name="farm_id",
    parameter=QuestionParameter(
        "farm_id",
        forms.whole(1, forms.ID_MAX),
        "products of any of the farms with these ids",
        411,
        several=Several(20, "farms"),
    ),
    column=storage.FARM_ID,
    indexes=(
        Index("listing_of_farm_by_price", "price", sortable=True),
        Index("listing_of_farm_by_name", "name", lacks=("rating",)),
    ),
    narrowness=3,
)
RATED = Between(
    name="rated",
    low=QuestionParameter("min_rating", forms.RATING, "lowest rating, inclusive; what nobody rated has none", "4.5"),
    column=storage.RATING_KEY,
    sort="rating",
)
UNIT = InRows(
    name="unit",
    parameter=QuestionParameter("unit", forms.UNIT, "the unit that the price is for, spelt as in answers", "kg"),
    column=storage.UNIT,
)
IN_STOCK = Equality(
    name="in_stock",
    parameter=QuestionParameter(
        "in_stock", forms.FLAG, "products that are in stock (true), or that are not (false)", True
    ),
    column=storage.IN_STOCK,
    bind=as_number,
)
ORGANIC = Equality(
    name="organic",
    parameter=QuestionParameter(
        "organic", forms.FLAG, "products that are grown organically (true), or that are not (false)", False
    ),
    column=storage.ORGANIC,
    bind=as_number,
)
NEAR = NearFilter(
    name="near",
    point=QuestionParameter(
        "near", POINT, "latitude,longitude: what has a place, with its distance; rounded to 3 decimals", "18.52,73.857"
    ),
    radius=QuestionParameter("radius_km", RADIUS, "with near: at most so many kilometres away", "10"),
    derived=True,
)
IDS = Picked(
    name="ids",
    parameter=QuestionParameter(
        "ids",
        forms.whole(1, forms.ID_MAX),
        "these products, in this order, on one page; neither sort, limit, cursor nor q beside it",
        918273,
        several=Several(100, "ids"),
    ),
    excludes=("sort", "limit", "cursor", "q"),
)

FILTERS: tuple[Filter, ...] = (
    *(CATEGORY, PRICE, DISTRICT, STATE, FARM, RATED, UNIT, IN_STOCK, ORGANIC, NEAR, IDS),
    *(WORDS, NAMED, NAME_KEYS),
)
