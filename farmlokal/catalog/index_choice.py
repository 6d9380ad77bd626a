"""Which index answers a question. The sentence beside each index in schema.sql says what it is for."""

from farmlokal.catalog.listing_query import ListingQuery

_BY_SORT = {
    "created_at": "products_by_created_at",
    "price": "products_by_price",
    "name": "products_by_name",
    "rating": "products_by_rating",
}
_OF_CATEGORY_BY_SORT = {
    "created_at": "products_of_category_by_created_at",
    "price": "products_of_category_by_price",
    "name": "products_of_category_by_name",
    "rating": "products_of_category_by_rating",
}


def choose_index(query: ListingQuery) -> str:
    """The name of the index to read `query`'s page through: the narrowest filter's, else the sort order's."""
    filters = query.filters
    if filters.farm_id is not None:
        return "products_of_farm"
    if filters.district_key is not None:
        return "products_of_district"
    if len(filters.categories) == 1:
        return _OF_CATEGORY_BY_SORT[query.sort.name]
    if filters.state_key is not None and query.sort.name == "created_at":
        return "products_of_state"
    return _BY_SORT[query.sort.name]
