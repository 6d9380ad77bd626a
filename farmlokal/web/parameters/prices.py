"""The parameters of `GET /products/{id}/prices` and of its picture: to a question to the cache, or to every fault."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.parameter import QuestionParameter
from farmlokal.catalog.question.prices import LIMIT_DEFAULT, PAGE_PARAMETERS, RANGE_PARAMETERS, PriceQuery
from farmlokal.catalog.reading.price_history import PriceHistory
from farmlokal.catalog.tags import product_tag
from farmlokal.errors import Fault, InvalidInput
from farmlokal.web.parameters.cursors import position_of
from farmlokal.web.parameters.listing import read_values
from farmlokal.web.parameters.product_id import read_product_id
from farmlokal.web.parameters.query_string import NOTHING_IGNORED, IgnoredParameters, parse_query_string, shown
from farmlokal.web.parameters.questions import AskedPage

PATH = "/products/{id}/prices"
PICTURE_PATH = "/products/{id}/prices.svg"


class PriceQuestions:
    """Reads what is asked of price histories. Raises InvalidInput, which lists every fault."""

    def __init__(
        self,
        signer: CursorSigner,
        cache: ReadThrough,
        history: PriceHistory,
        ignored: IgnoredParameters = NOTHING_IGNORED,
    ) -> None:
        """ignored: parameters that are no part of the question."""
        self._signer = signer
        self._cache = cache
        self._history = history
        self._ignored = ignored

    def __repr__(self) -> str:
        return f"<PriceQuestions {self._history!r}>"

    def page(self, product_id: str, raw_query: str) -> AskedPage:
        """A page of days. product_id: as it stands in the path. raw_query: the request target after `?`."""
        query = self._parse(product_id, raw_query, PAGE_PARAMETERS)
        load = partial(self._history.page, query)
        question = self._cache.question(query.canonical(), load, (product_tag(query.product_id),))
        first_page = query.first_page
        return AskedPage(question, f"?{first_page}{'&' if first_page else ''}cursor=")

    def picture(self, product_id: str, raw_query: str) -> AskedPage:
        """The picture of days. product_id, raw_query: as above."""
        query = self._parse(product_id, raw_query, RANGE_PARAMETERS)
        load = partial(self._history.picture, query)
        key = f"product/{query.product_id}/prices.svg?{query.days}"
        return AskedPage(self._cache.question(key, load, (product_tag(query.product_id),)), "")

    def _parse(self, product_id: str, raw_query: str, parameters: Mapping[str, QuestionParameter]) -> PriceQuery:
        faults: list[Fault] = []
        number = read_product_id(product_id, faults)
        texts, faults_of_encoding = parse_query_string(raw_query, self._ignored)
        faults += faults_of_encoding
        values = read_values(texts, parameters, faults)
        first, last = values.get("from"), values.get("to")
        if first is not None and last is not None and first > last:
            faults.append(Fault("from", shown(texts["from"][0]), "must not be after to"))
        query = PriceQuery(number, first, last, values.get("limit", LIMIT_DEFAULT))
        rule = "must come from a page of the same product, from and to"
        position = position_of(self._signer, values.get("cursor"), query.question, rule, faults)
        if faults:
            raise InvalidInput(faults)
        return replace(query, position=position)
