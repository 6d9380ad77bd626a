"""The parameters of `GET /products/summary`: from the query string to a question to the cache, or to every fault."""

from functools import partial

from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.counting.summary import Summaries
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import Filters, escaped
from farmlokal.catalog.question.table import TABLE, Contradictions, QuestionTable
from farmlokal.catalog.question.words import WORDS
from farmlokal.catalog.reading.searching import names_found
from farmlokal.catalog.search.index import NO_NAMES, SearchIndex
from farmlokal.catalog.tags import summary_tags
from farmlokal.errors import InvalidInput
from farmlokal.web.parameters.listing import by_own_names, contradicting, read_values, understand
from farmlokal.web.parameters.query_string import NOTHING_IGNORED, IgnoredParameters, parse_query_string
from farmlokal.web.parameters.questions import AskedPage

PATH = "/products/summary"


class SummaryQuestions:
    """Reads query strings of summaries. They have the listing's filters, and neither an order nor pages."""

    def __init__(
        self,
        signer: CursorSigner,
        cache: ReadThrough,
        summaries: Summaries,
        table: QuestionTable = TABLE,
        ignored: IgnoredParameters = NOTHING_IGNORED,
        *,
        index: SearchIndex = NO_NAMES,
    ) -> None:
        """ignored: parameters that are no part of the question. index: what words mean."""
        self._signer = signer
        self._cache = cache
        self._summaries = summaries
        self._table = table
        self._ignored = ignored
        self._index = index

    def __repr__(self) -> str:
        return f"<SummaryQuestions {self._summaries!r}>"

    def parse(self, raw_query: str) -> AskedPage:
        """What `raw_query`, the request target after `?`, asks. Raises InvalidInput, which lists every fault."""
        filters = self._filters(raw_query)
        load = partial(self._summaries.load, filters)
        key = f"products/summary?{escaped(filters.texts())}"
        return AskedPage(self._cache.question(key, load, summary_tags(filters)), "")

    def _filters(self, raw_query: str) -> Filters:
        given, faults = parse_query_string(raw_query, self._ignored)
        texts = by_own_names(given, self._table)
        values = read_values(texts, self._table.filter_parameters, faults)
        faults += understand(values, texts, self._signer, self._index)
        filters = Filters()
        try:
            filters = self._table.filters_of(values)
        except Contradictions as error:
            faults += contradicting(error.found, texts)
        if filters.get(WORDS) is not None and not faults:
            names_found(self._index, filters)  # or too many of them
        if faults:
            raise InvalidInput(faults)
        return filters
