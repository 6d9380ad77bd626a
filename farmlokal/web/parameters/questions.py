"""Questions to the listing, remembered by how they were spelt: most of them come again in the same words."""

from types import MethodType
from typing import NamedTuple

from farmlokal.caching.lookup import Question
from farmlokal.caching.memory import Remembered
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.value import Value
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.reading.loaders import Listing
from farmlokal.catalog.search.index import NO_NAMES, SearchIndex
from farmlokal.catalog.tags import page_tags
from farmlokal.web.parameters.listing import parse_listing_query
from farmlokal.web.parameters.query_string import NOTHING_IGNORED, IgnoredParameters

PATH = "/products"
# How many, and what they may take: enough for the pages that 64 MiB hold. Longer query strings are rare, and would take
# the room of many.
_REMEMBERED_MAX, _REMEMBERED_BYTES_MAX = 4096, 5 * 2**20
_REMEMBERED_CHARS_MAX = 512
# What a question takes beside its texts, and what each of its parameters does, measured on CPython 3.11.
_OBJECTS_BYTES, _PARAMETER_BYTES = 620, 90


class AskedPage(NamedTuple):
    """One page of the listing as it was asked for.

    question: to the cache. link_base: how the links to its other pages begin, relative to its own.
    """

    question: Question
    link_base: str


class Questions:
    """Reads query strings. What one means depends on itself, the keys of `signer`, `table`, `ignored` and the names."""

    def __init__(
        self,
        signer: CursorSigner,
        cache: ReadThrough,
        listing: Listing,
        table: QuestionTable = TABLE,
        ignored: IgnoredParameters = NOTHING_IGNORED,
        *,
        index: SearchIndex = NO_NAMES,
    ) -> None:
        """index: what words mean; `forget` has to be called where that may have changed."""
        self._signer = signer
        self._table = table
        self._ignored = ignored
        self._index = index
        self._cache = cache
        self._load = listing.page
        self._remembered: Remembered[str, AskedPage] = Remembered(
            _REMEMBERED_MAX, _REMEMBERED_BYTES_MAX, _weight_of, cache.set_aside
        )

    def __repr__(self) -> str:
        return f"<Questions remembered={len(self._remembered)}>"

    def parse(self, raw_query: str) -> AskedPage:
        """What `raw_query`, the request target after `?`, asks. Raises InvalidInput, which lists every fault."""
        known = self._remembered.by_key.get(raw_query)
        if known is not None:
            return known
        query = parse_listing_query(raw_query, self._signer, self._table, self._ignored, index=self._index)
        # Of a question remembered, a `partial` would be a quarter.
        load = MethodType(self._load, query)
        question = self._cache.question(f"products?{query.canonical()}", load, page_tags(query))
        asked = AskedPage(question, link_base(query))
        if len(raw_query) <= _REMEMBERED_CHARS_MAX:
            self._remembered.keep(raw_query, asked)
        return asked

    def forget(self) -> None:
        """Forget what texts mean: names came, by which words may be understood otherwise."""
        self._remembered.forget()


def _weight_of(raw_query: str, asked: AskedPage) -> int:
    """What is kept of a question in bytes, its canonical text twice. Its key is weighed with its entry."""
    parameters = raw_query.count("&") + 1
    return len(raw_query) + 2 * len(asked.link_base) + _PARAMETER_BYTES * parameters + _OBJECTS_BYTES


def link_base(query: ListingQuery) -> str:
    """`?…` for the pages of a question, up to the cursor; the same for every spelling of the question.

    Relative to the page's own address, whatever stands before `/products` there: a proxy may have taken a prefix away.
    """
    return f"?{query.first_page}{'&' if query.first_page else ''}cursor="


def link_header(base: str, page: Value) -> str:
    """`<…>; rel="next"` and `"prev"` (RFC 8288) for the cursors that the page has; else empty. base: of its question.

    A cursor needs no escaping: its alphabet is that of URLs.
    """
    return ", ".join([f'<{base}{cursor}>; rel="{relation}"' for relation, cursor in page.attributes])
