"""Every problem type as the document shows it: a schema and an example each, and the responses made of them."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from farmlokal.errors import Fault, Upstream
from farmlokal.web.answers import problems
from farmlokal.web.answers.problems import CONTENT_TYPE, ProblemDetails, ProblemType
from farmlokal.web.openapi.headers import references
from farmlokal.web.openapi.schemas import REFERENCE, object_of

DETAILS = ProblemDetails
FAULT = object_of(Fault)
UPSTREAM = object_of(Upstream)
_MEMBERS = {
    "errors": {"type": "array", "minItems": 1, "items": {"$ref": REFERENCE.format(model=FAULT.__name__)}},
    "upstream": {"$ref": REFERENCE.format(model=UPSTREAM.__name__)},
}
_MEMBER_EXAMPLES: dict[str, Any] = {
    "errors": [Fault("limit", "0", "must be between 1 and 100")._asdict()],
    "upstream": Upstream("partner.example:443", 503, 4, 2.7)._asdict(),
}
_DETAILS = {
    problems.INVALID_PARAMETER: "limit must be between 1 and 100",
    problems.NOT_FOUND: "there is no product 918273",
    problems.EVENT_DEAD: "there is no product 7 of partner",
    problems.NOT_CONFIGURED: "FARMLOKAL_PARTNER_URL is not set",
    problems.PARTNER_UNAVAILABLE: "partner.example:443 answered 503",
}
# What any route may answer, whatever its handler does.
ANYWHERE = (
    problems.BAD_REQUEST,
    problems.REQUEST_TIMEOUT,
    problems.URI_TOO_LONG,
    problems.REFUSED,
    problems.HEADERS_TOO_LARGE,
    problems.INTERNAL_ERROR,
    problems.VERSION_NOT_SUPPORTED,
)
# What says when to try again, what it wants, or what it would take.
_HEADERS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    415: ("Accept-Encoding",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}


def schema_name(problem: ProblemType) -> str:
    """The name of the type's schema: `InvalidParameterProblem`."""
    return "".join(part.title() for part in problem.name.split("-")) + "Problem"


def component_schemas(details: Mapping[str, Any]) -> dict[str, Any]:
    """A schema for each problem type, which repeats what all have: many tools pass over what stands beside an `allOf`.

    details: the schema of what every problem tells.
    """
    told = details["properties"]
    return {
        schema_name(problem): {
            "description": problem.meaning,
            "type": "object",
            "properties": {
                **told,
                "type": {**told["type"], "const": problem.uri},
                "title": {**told["title"], "const": problem.title},
                "status": {**told["status"], "const": problem.status},
                **{member: _MEMBERS[member] for member in problem.members},
            },
            "required": [*details["required"], *problem.members],
        }
        for problem in problems.PROBLEM_TYPES.values()
    }


def component_examples() -> dict[str, Any]:
    """An example of each problem type."""
    return {
        problem.name: {
            "summary": problem.title,
            "value": {
                "type": problem.uri,
                "title": problem.title,
                "status": problem.status,
                "detail": _DETAILS.get(problem, problem.meaning),
                "instance": "9aa16a6291566ede",
                **{member: _MEMBER_EXAMPLES[member] for member in problem.members},
            },
        }
        for problem in problems.PROBLEM_TYPES.values()
    }


def component_responses() -> dict[str, Any]:
    """A response for each problem type: what an operation refers to when it is the only one of its status."""
    # A 5xx that any route may answer is referred to by the routes whose answers caches may keep.
    return {
        problem.name: _response([problem], silent=problem in ANYWHERE and problem.status in problems.ORIGIN_FAILED)
        for problem in problems.PROBLEM_TYPES.values()
    }


def responses_of(
    sent: Iterable[ProblemType], limited: Sequence[str], further: Mapping[int, Sequence[str]], *, cacheable: bool
) -> dict[str, Any]:
    """The responses for the problems that one operation sends, by status.

    limited: further headers that all of them have. further: those that the problems of one status have. cacheable:
    whether caches may keep the operation's answers; a 5xx in their place says nothing of caching.
    """
    ordered = sorted(dict.fromkeys(sent), key=lambda problem: problem.status)
    responses: dict[str, Any] = {}
    for status, group in groupby(ordered, key=lambda problem: problem.status):
        kinds = list(group)
        silent = cacheable and status in problems.ORIGIN_FAILED
        if len(kinds) == 1 and kinds[0] in ANYWHERE and (cacheable or status < 500):
            responses[str(status)] = {"$ref": f"#/components/responses/{kinds[0].name}"}
        else:
            responses[str(status)] = _response(kinds, [*limited, *further.get(status, ())], silent=silent)
    return responses


def _response(kinds: Sequence[ProblemType], limited: Sequence[str] = (), *, silent: bool = False) -> dict[str, Any]:
    """One response. silent: whether it says nothing of caching."""
    schemas = [{"$ref": REFERENCE.format(model=schema_name(problem))} for problem in kinds]
    caching = () if silent else ("Cache-Control",)
    names = ("X-Request-ID", *caching, "Link", *_HEADERS.get(kinds[0].status, ()), *limited)
    return {
        "description": " / ".join(f"{problem.title}: {problem.meaning}" for problem in kinds),
        "headers": references(*names),
        "content": {
            CONTENT_TYPE: {
                "schema": schemas[0] if len(schemas) == 1 else {"oneOf": schemas},
                "examples": {problem.name: {"$ref": f"#/components/examples/{problem.name}"} for problem in kinds},
            }
        },
    }
