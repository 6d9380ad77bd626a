"""The parameters of `GET /suggest`: from the query string to a question to the cache, or to every fault at once."""

from functools import partial
from urllib.parse import quote

import orjson

from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.value import Value
from farmlokal.catalog.question.forms import WORDS, whole
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.reading.schemas import SuggestionList
from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.catalog.search.suggestions import SUGGESTIONS_MAX
from farmlokal.catalog.search.words import groups_of, text_of
from farmlokal.catalog.tags import NAMES
from farmlokal.errors import Fault, InvalidInput
from farmlokal.web.parameters.listing import read_values
from farmlokal.web.parameters.query_string import NOTHING_IGNORED, IgnoredParameters, parse_query_string
from farmlokal.web.parameters.questions import AskedPage

PATH = "/suggest"
PARAMETERS = {
    one.name: one
    for one in (
        QuestionParameter("q", WORDS, "what was typed so far", "tam", required=True),
        QuestionParameter("limit", whole(1, SUGGESTIONS_MAX), "suggestions at most", 5, default=SUGGESTIONS_MAX),
    )
}


class Suggesting:
    """Reads query strings, and completes what they ask for. What is typed as one is one entry of the cache."""

    def __init__(self, cache: ReadThrough, names: SearchNames, ignored: IgnoredParameters = NOTHING_IGNORED) -> None:
        """ignored: parameters that are no part of the question."""
        self._cache = cache
        self._ignored = ignored
        self._index = names.index

    def __repr__(self) -> str:
        return f"<Suggesting {self._index!r}>"

    def parse(self, raw_query: str) -> AskedPage:
        """What `raw_query`, the request target after `?`, asks. Raises InvalidInput, which lists every fault."""
        texts, faults = parse_query_string(raw_query, self._ignored)
        values = read_values(texts, PARAMETERS, faults)
        if "q" not in texts:
            faults.append(Fault("q", "", "must be given"))
        if faults:
            raise InvalidInput(faults)
        typed, limit = text_of(groups_of(values["q"])), values.get("limit", SUGGESTIONS_MAX)
        key = f"suggest?q={quote(typed)}&limit={limit}"
        return AskedPage(self._cache.question(key, partial(self._load, typed, limit), (NAMES,)), "")

    async def _load(self, typed: str, limit: int) -> Value:
        shown: SuggestionList = {
            "data": [
                {"text": one.text, "kind": one.kind, "category": one.category, "products": one.products}
                for one in self._index.complete(typed, limit)
            ]
        }
        return Value(orjson.dumps(shown))
