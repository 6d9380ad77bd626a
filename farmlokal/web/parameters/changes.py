"""The parameters of `GET /products/changes`."""

from typing import NamedTuple

from farmlokal.catalog.changes.position import PATTERN, LogPosition, parse_position
from farmlokal.catalog.changes.schemas import CHANGES_MAX
from farmlokal.catalog.question.forms import whole
from farmlokal.catalog.question.parameter import Form, QuestionParameter
from farmlokal.errors import InvalidInput
from farmlokal.web.parameters.listing import read_values
from farmlokal.web.parameters.query_string import NOTHING_IGNORED, IgnoredParameters, parse_query_string

PATH = "/products/changes"
_LIMIT_DEFAULT = 100

_AFTER = Form(
    parse_position, {"type": "string", "pattern": PATTERN}, "must be the next_after of a page, or be left out to begin"
)
PARAMETERS = {
    one.name: one
    for one in (
        QuestionParameter(
            "after",
            _AFTER,
            "the `next_after` of the page before; without it the mirror begins",
            "9f2c66b07f1d4a3e.1042",
        ),
        QuestionParameter("limit", whole(1, CHANGES_MAX), "products on the page at most", 3, default=_LIMIT_DEFAULT),
    )
}


class AskedChanges(NamedTuple):
    """A page of changes as it was asked for."""

    after: LogPosition | None
    limit: int


def parse_changes(raw_query: str, ignored: IgnoredParameters = NOTHING_IGNORED) -> AskedChanges:
    """What `raw_query`, the request target after `?`, asks. Raises InvalidInput, which lists every fault.

    ignored: parameters that are no part of the question.
    """
    texts, faults = parse_query_string(raw_query, ignored)
    values = read_values(texts, PARAMETERS, faults)
    if faults:
        raise InvalidInput(faults)
    return AskedChanges(values.get("after"), values.get("limit", _LIMIT_DEFAULT))
