"""The filters of the listing: a row for each says all that there is to know of it.

Their order is that of the parameters wherever these are listed, and of the canonical text.
"""

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.question import forms, storage
from farmlokal.catalog.question.filter import Filter, as_number, as_price
from farmlokal.catalog.question.filter_kinds import Between, Equality, OneOf
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
        Index("listing_of_category_by_created_at", "created_at"),
        Index("listing_of_category_by_price", "price", sortable=True),
        Index("listing_of_category_by_name", "name"),
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
DISTRICT = Equality(
    name="district",
    parameter=QuestionParameter(
        "district", forms.PLACE, "the whole name of a district, in upper or lower case", "Pune"
    ),
    column=storage.DISTRICT_KEY,
    indexes=(Index("listing_of_district", "created_at", sortable=True),),
    narrowness=2,
)
STATE = Equality(
    name="state",
    parameter=QuestionParameter(
        "state", forms.PLACE, "the whole name of a state, in upper or lower case", "Maharashtra"
    ),
    column=storage.STATE_KEY,
    indexes=(Index("listing_of_state", "created_at", sortable=True),),
    narrowness=1,
)
FARM = Equality(
    name="farm_id",
    parameter=QuestionParameter("farm_id", forms.whole(1, forms.ID_MAX), "products of the farm with this id", 411),
    column=storage.FARM_ID,
    indexes=(
        Index("listing_of_farm_by_price", "price", sortable=True),
        Index("listing_of_farm_by_name", "name"),
    ),
    narrowness=3,
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

FILTERS: tuple[Filter, ...] = (
    *(CATEGORY, PRICE, DISTRICT, STATE, FARM, IN_STOCK, ORGANIC, NEAR),
    *(WORDS, NAMED, NAME_KEYS),
)
