"""The `Link` header of a page."""

from farmlokal.caching.value import Value
from farmlokal.catalog.question.query import ListingQuery


def link_base(query: ListingQuery) -> str:
    """`/products?…` for the pages of a question, up to the cursor; the same for every spelling of the question."""
    return f"/products?{query.first_page}{'&' if query.first_page else ''}cursor="


def link_header(base: str, page: Value) -> str:
    """`<…>; rel="next"` and `"prev"` (RFC 8288) for the cursors that the page has; else empty. base: of its question.

    A cursor needs no escaping: its alphabet is that of URLs.
    """
    return ", ".join([f'<{base}{cursor}>; rel="{relation}"' for relation, cursor in page.attributes])
