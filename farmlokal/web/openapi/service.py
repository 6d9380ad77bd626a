"""What the document says of the service's own routes: health, metrics, and these documents."""

from farmlokal import __version__
from farmlokal.catalog.question.parameter import Form
from farmlokal.web.answers import problems
from farmlokal.web.edge.lifecycle import Phase
from farmlokal.web.handlers.health import Alive, Readiness
from farmlokal.web.handlers.index import Index
from farmlokal.web.openapi import request_headers
from farmlokal.web.openapi.operation import Answer, Content, Operation
from farmlokal.web.parameters.parameter import Parameter

TAG = "Service"

_HTML = Content(shape={"type": "string"}, media_types=("text/html",))
_STATIC_HEADERS = ("ETag", "Cache-Control", "Vary", "Content-Encoding")
_STATIC_PROBLEMS = (problems.NOT_ACCEPTABLE, problems.PRECONDITION_FAILED)
_STATIC_NOT_MODIFIED = Answer(
    status=304,
    meaning="Not modified: the copy that the client has is still current.",
    headers=("ETag", "Cache-Control", "Vary"),
)
_READY: Readiness = {
    "status": Phase.READY,
    "dependencies": {
        "database": {"state": "up", "latency_ms": 0.4},
        "redis": {"state": "down", "latency_ms": None, "reason": "connection refused"},
    },
}
_DRAINING: Readiness = {
    "status": Phase.DRAINING,
    "dependencies": {"database": {"state": "up", "latency_ms": 0.4}, "redis": {"state": "up", "latency_ms": 0.2}},
}

_INDEX: Index = {
    "name": "FarmLokal",
    "version": __version__,
    "documents": {"openapi": "openapi.json", "docs": "docs"},
    "routes": [{"method": "GET", "address": "products/{id}", "summary": "One product"}],
}

SHOW_LIVENESS = Operation(
    id="showLiveness",
    tag=TAG,
    summary="Whether the process runs",
    meaning="Asks no database and no Redis: it says only that the process answers.",
    answers=(
        Answer(
            status=200,
            meaning="The process runs.",
            content=Content(shape=Alive, examples={"alive": {"status": "alive"}}),
            headers=("Cache-Control",),
        ),
    ),
    limited=False,
)

SHOW_READINESS = Operation(
    id="showReadiness",
    tag=TAG,
    summary="Whether the process may take traffic",
    meaning="200 also while a dependency is down, since cached pages are still served; `dependencies` names each.",
    answers=(
        Answer(
            status=200,
            meaning="The process takes traffic.",
            content=Content(shape=Readiness, examples={"ready": _READY}),
            headers=("Cache-Control",),
        ),
        Answer(
            status=503,
            meaning="The process is starting, or about to stop.",
            content=Content(shape=Readiness, examples={"draining": _DRAINING}),
            headers=("Cache-Control",),
        ),
    ),
    limited=False,
)

SHOW_METRICS = Operation(
    id="showMetrics",
    tag=TAG,
    summary="The metrics of every process",
    meaning="Prometheus's text format, or OpenMetrics where `Accept` asks for it.",
    answers=(
        Answer(
            status=200,
            meaning="The metrics.",
            content=Content(shape={"type": "string"}, media_types=("text/plain", "application/openmetrics-text")),
            headers=("Cache-Control",),
        ),
    ),
    limited=False,
)

SHOW_INDEX = Operation(
    id="showIndex",
    tag=TAG,
    summary="The documents and the routes of the service",
    meaning="An index for whoever has the base address alone. Addresses in it are relative to its own.",
    parameters=request_headers.CACHED,
    answers=(
        Answer(
            status=200,
            meaning="The index.",
            content=Content(shape=Index, examples={"index": _INDEX}),
            headers=_STATIC_HEADERS,
        ),
        _STATIC_NOT_MODIFIED,
    ),
    problems=_STATIC_PROBLEMS,
)

SHOW_DOCUMENT = Operation(
    id="showDocument",
    tag=TAG,
    summary="This document, as OpenAPI 3.1",
    meaning="Describes every route that is served.",
    parameters=request_headers.CACHED,
    answers=(
        Answer(
            status=200,
            meaning="The document.",
            content=Content(
                shape={
                    "type": "object",
                    "required": ["openapi", "info", "paths", "components"],
                    "properties": {"openapi": {"type": "string", "pattern": r"^3\.1\."}},
                }
            ),
            headers=_STATIC_HEADERS,
        ),
        _STATIC_NOT_MODIFIED,
    ),
    problems=_STATIC_PROBLEMS,
)

SHOW_DOCS = Operation(
    id="showDocs",
    tag=TAG,
    summary="This document, as a page to read and to try",
    meaning="Everything that the page loads comes from this service.",
    parameters=request_headers.CACHED,
    answers=(Answer(status=200, meaning="The page.", content=_HTML, headers=_STATIC_HEADERS), _STATIC_NOT_MODIFIED),
    problems=_STATIC_PROBLEMS,
)

SHOW_PROBLEM = Operation(
    id="showProblem",
    tag=TAG,
    summary="What a problem type means",
    meaning="The page at the `type` of a problem.",
    parameters=(
        Parameter(
            "name",
            Form(str, {"type": "string", "enum": list(problems.PROBLEM_TYPES)}),
            "the last part of the type",
            problems.INVALID_PARAMETER.name,
            place="path",
            required=True,
        ),
        *request_headers.CACHED,
    ),
    answers=(Answer(status=200, meaning="The page.", content=_HTML, headers=_STATIC_HEADERS), _STATIC_NOT_MODIFIED),
    problems=(problems.NOT_FOUND, *_STATIC_PROBLEMS),
)


SHOW_DOCS_FILE = Operation(
    id="showDocsFile",
    tag=TAG,
    summary="A file of the page at /docs",
    meaning="A script, a style sheet or a picture. A file's name changes with its content.",
    parameters=(
        Parameter(
            "file",
            # Not the names themselves: they are digests of megabytes, which nobody reads before the page is asked for.
            Form(str, {"type": "string", "pattern": r"^[a-z-]+\.[0-9a-f]{12}\.(css|js|svg)$"}),
            "its name, as the page has it",
            place="path",
            required=True,
        ),
        *request_headers.CACHED,
    ),
    answers=(
        Answer(
            status=200,
            meaning="The file.",
            content=Content(shape={"type": "string"}, media_types=("text/css", "text/javascript", "image/svg+xml")),
            headers=_STATIC_HEADERS,
        ),
        _STATIC_NOT_MODIFIED,
    ),
    problems=(problems.NOT_FOUND, *_STATIC_PROBLEMS),
)
