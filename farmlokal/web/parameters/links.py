"""The `Link` header of a page."""

from urllib.parse import urlencode

from farmlokal.caching.value import Value
from farmlokal.catalog.question.query import LIMIT_DEFAULT, SORT_DEFAULT, ListingQuery
from farmlokal.database.dialect import decimal_string


def link_base(query: ListingQuery) -> str:
    """`/products?…` for the pages of a question, up to the cursor; the same for every spelling of the question."""
    return f"/products?{urlencode([*_pairs(query), ('cursor', '')], safe=',')}"


def link_header(base: str, page: Value) -> str:
    """`<…>; rel="next"` and `"prev"` (RFC 8288) for the cursors that the page has; else empty. base: of its question.

    A cursor needs no escaping: its alphabet is that of URLs.
    """
    return ", ".join([f'<{base}{cursor}>; rel="{relation}"' for relation, cursor in page.attributes])


def _pairs(query: ListingQuery) -> list[tuple[str, str]]:
    filters = query.filters
    pairs = (
        ("category", ",".join(filters.categories) or None),
        ("min_price", None if filters.min_price_paise is None else decimal_string(filters.min_price_paise)),
        ("max_price", None if filters.max_price_paise is None else decimal_string(filters.max_price_paise)),
        ("district", filters.district_key),
        ("state", filters.state_key),
        ("farm_id", None if filters.farm_id is None else str(filters.farm_id)),
        ("in_stock", None if filters.in_stock is None else str(filters.in_stock).lower()),
        ("organic", None if filters.organic is None else str(filters.organic).lower()),
        ("sort", None if query.sort == SORT_DEFAULT else str(query.sort)),
        ("limit", None if query.limit == LIMIT_DEFAULT else str(query.limit)),
    )
    return [(name, value) for name, value in pairs if value is not None]
