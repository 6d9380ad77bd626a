"""What schemathesis cannot guess: cursors that fit, prices in order, signatures over the raw body, texts of Unicode.

`schemathesis.toml` names this module; `test_schemathesis.py` runs it. A case that is meant to be wrong stays as it is.
"""

import time
from itertools import count, cycle
from typing import Any
from uuid import uuid4

import schemathesis
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis import Case, HookContext, Response
from schemathesis.core.parameters import ParameterLocation

from farmlokal.catalog.question.directory import name_words
from farmlokal.catalog.question.filters import IDS
from farmlokal.catalog.question.forms import WORDS
from farmlokal.formats.text import refusal
from farmlokal.formats.webhook_secrets import key_of
from farmlokal.webhooks.signature import sign
from tests.support.webhook_sender import SECRET
from tests.web.answer_trial import API_KEY

# The query that each cursor came from, without its own cursor; the newest are enough.
_questions: dict[str, dict[str, Any]] = {}
_QUESTIONS_MAX = 500
_deliveries = count(1)
_turns = count()


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Make what is meant to be right fit together."""
    if case.operation.path == "/products" and not _wrong(case, ParameterLocation.QUERY):
        _leave_out_unassigned(case.query)
        _pick_or_not(case.query)
        _order_prices(case.query)
        _fit_words(case.query)
        _complete(case.query)
        _fit_cursor(case.query)
    if case.operation.path == "/products/summary" and not _wrong(case, ParameterLocation.QUERY):
        _leave_out_unassigned(case.query)
        _order_prices(case.query)
        _fit_words(case.query)
        _complete(case.query)
    if case.operation.path.startswith("/products/{id}/prices") and not _wrong(case, ParameterLocation.QUERY):
        _order_days(case.query)
        # No product of the tests has more days than a page.
        case.query.pop("cursor", None)
    if case.operation.path in ("/places", "/farms") and not _wrong(case, ParameterLocation.QUERY):
        _leave_out_unassigned(case.query)
        if "q" in case.query and not name_words(str(case.query["q"])):
            case.query["q"] = "pun"
        # Few places and farms are in the tests' catalogue: no page has another.
        case.query.pop("cursor", None)
    if case.operation.path == "/suggest" and not _wrong(case, ParameterLocation.QUERY):
        _leave_out_unassigned(case.query)
        case.query.setdefault("q", "tam")
        _fit_words(case.query)
    if case.operation.path == "/external/webhook" and not _wrong(case, ParameterLocation.HEADER):
        case.headers["webhook-timestamp"] = str(int(time.time()))
        # Mostly an event that was not here before; else most would be refused, as an id that came with another body.
        if next(_deliveries) % 8:
            case.headers["webhook-id"] = f"msg_{uuid4().hex}"


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Remember the cursors of a page."""
    if case.operation.path == "/products" and response.status_code == 200 and case.method.upper() == "GET":
        page = response.json()["page"]
        for cursor in (page["next_cursor"], page["prev_cursor"]):
            if cursor is not None:
                _questions[cursor] = {name: value for name, value in case.query.items() if name != "cursor"}
        while len(_questions) > _QUESTIONS_MAX:
            del _questions[next(iter(_questions))]


def _wrong(case: Case[Any], place: ParameterLocation) -> bool:
    return case.meta is not None and case.meta.is_negative_at(place)


def _leave_out_unassigned(query: dict[str, Any]) -> None:
    """Take away texts with code points that are not assigned, which no pattern can rule out."""
    for name, value in list(query.items()):
        texts = value if isinstance(value, list) else [value]
        if any(isinstance(text, str) and refusal(text) is not None for text in texts):
            del query[name]


def _pick_or_not(query: dict[str, Any]) -> None:
    """Take away, in turn, ids and what may not stand beside them."""
    if "ids" in query:
        for name in ("ids",) if next(_turns) % 2 else IDS.excludes:
            query.pop(name, None)


def _order_prices(query: dict[str, Any]) -> None:
    low, high = query.get("min_price"), query.get("max_price")
    if low is not None and high is not None and float(low) > float(high):
        query["min_price"], query["max_price"] = high, low


def _order_days(query: dict[str, Any]) -> None:
    first, last = query.get("from"), query.get("to")
    if first is not None and last is not None and first > last:
        query["from"], query["to"] = last, first


def _fit_words(query: dict[str, Any]) -> None:
    """Ask for a word where there are too many, or none: the document's bound leaves room for alternatives."""
    if "q" in query and WORDS.read(str(query["q"])) is None:
        query["q"] = "tam"


def _complete(query: dict[str, Any]) -> None:
    """Take away what needs another parameter that is not there."""
    if "near" not in query:
        query.pop("radius_km", None)
        if query.get("sort") == "distance":
            del query["sort"]
    if "q" not in query and query.get("sort") == "relevance":
        del query["sort"]


def _fit_cursor(query: dict[str, Any]) -> None:
    """Give a cursor the filters and the sort that it was made for; one that was made up becomes one that was given."""
    cursor = query.pop("cursor", None)
    if cursor is None or not _questions:
        return
    if cursor not in _questions:
        cursor = list(_questions)[-1 - next(_turns) % len(_questions)]
    query.clear()
    query.update(_questions[cursor], cursor=cursor)


class Signature(AuthBase):
    """Signs a delivery as the partner does."""

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the signature of the raw body under the id and the time in the headers, where these are there."""
        body = request.body or b""
        raw = body.encode() if isinstance(body, str) else body
        assert isinstance(raw, bytes)
        event_id, timestamp = request.headers.get("webhook-id"), request.headers.get("webhook-timestamp")
        if event_id is not None and timestamp is not None and timestamp.isdigit():
            text = event_id.decode() if isinstance(event_id, bytes) else event_id
            request.headers["webhook-signature"] = sign(key_of(SECRET), text, int(timestamp), raw)
        return request


schemathesis.auth.set_from_requests(Signature()).apply_to(path="/external/webhook")  # type: ignore[attr-defined]


class Key(AuthBase):
    """Sends our API key, now as a bearer token, now in a header of its own."""

    def __init__(self) -> None:
        self._turns = cycle((("Authorization", f"Bearer {API_KEY}"), ("X-API-Key", API_KEY)))

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the key."""
        name, value = next(self._turns)
        request.headers[name] = value
        return request


schemathesis.auth.set_from_requests(Key()).apply_to(  # type: ignore[attr-defined]
    path_regex="^/(auth/token|external/sync)"
)
