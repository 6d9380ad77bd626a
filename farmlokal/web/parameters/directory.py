"""What is asked of `GET /places`, `GET /farms` and `GET /farms/{id}`: to a question to the cache, or to every fault."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from farmlokal.caching.lookup import Question
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.value import Value
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.directory import FARM_PARAMETERS, PLACE_PARAMETERS, DirectoryQuery, directory_query
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.reading.directory import Directory
from farmlokal.catalog.tags import DIRECTORY
from farmlokal.errors import InvalidInput
from farmlokal.web.parameters.cursors import position_of
from farmlokal.web.parameters.listing import read_values
from farmlokal.web.parameters.product_id import FARM_ID, read_id
from farmlokal.web.parameters.query_string import NOTHING_IGNORED, IgnoredParameters, parse_query_string, unasked
from farmlokal.web.parameters.questions import AskedPage

PLACES_PATH = "/places"
FARMS_PATH = "/farms"
FARM_PATH = "/farms/{id}"


class DirectoryQuestions:
    """Reads what is asked of the directory. Raises InvalidInput, which lists every fault."""

    def __init__(
        self,
        signer: CursorSigner,
        cache: ReadThrough,
        directory: Directory,
        ignored: IgnoredParameters = NOTHING_IGNORED,
    ) -> None:
        """ignored: parameters that are no part of the question."""
        self._signer = signer
        self._cache = cache
        self._directory = directory
        self._ignored = ignored

    def __repr__(self) -> str:
        return f"<DirectoryQuestions {self._directory!r}>"

    def places(self, raw_query: str) -> AskedPage:
        """A page of places. raw_query: the request target after `?`."""
        return self._page("places", raw_query, PLACE_PARAMETERS, self._directory.places)

    def farms(self, raw_query: str) -> AskedPage:
        """A page of farms. raw_query: as above."""
        return self._page("farms", raw_query, FARM_PARAMETERS, self._directory.farms)

    def farm(self, farm_id: str, raw_query: str) -> Question:
        """One farm. farm_id: as it stands in the path. raw_query: as above."""
        texts, faults = parse_query_string(raw_query, self._ignored)
        faults += unasked(texts)
        number = read_id(FARM_ID, farm_id, faults)
        if faults:
            raise InvalidInput(faults)
        return self._cache.question(f"farm/{number}", partial(self._directory.farm, number), (DIRECTORY,))

    def _page(
        self,
        name: str,
        raw_query: str,
        parameters: Mapping[str, QuestionParameter],
        load: Callable[[DirectoryQuery], Awaitable[Value]],
    ) -> AskedPage:
        texts, faults = parse_query_string(raw_query, self._ignored)
        values = read_values(texts, parameters, faults)
        query = directory_query(name, parameters, values)
        rule = f"must come from a page {parameters['cursor'].meaning.partition(' of a page ')[2]}"
        position = position_of(self._signer, values.get("cursor"), query.question, rule, faults)
        if faults:
            raise InvalidInput(faults)
        query = replace(query, position=position)
        question = self._cache.question(query.canonical(), partial(load, query), (DIRECTORY,))
        first_page = query.first_page
        return AskedPage(question, f"?{first_page}{'&' if first_page else ''}cursor=")
