"""`GET /openapi.json`, `GET /docs` with its files, `GET /problems/{name}`. All that they load is served from here."""

import re
from functools import cache
from hashlib import blake2b
from html import escape
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import NamedTuple

from aiohttp import web

from farmlokal.caching.value import Value
from farmlokal.errors import NotFound
from farmlokal.web import keys
from farmlokal.web.answers.problems import PROBLEM_TYPES, ProblemType
from farmlokal.web.answers.static_answer import static_answer
from farmlokal.web.parameters.query_string import shown

# Asked for again within five minutes of an upgrade; a file's name changes with its content, so it may be kept.
_PAGE_KEPT = "public, max-age=300"
_FILE_KEPT = "public, max-age=31536000, immutable"
# `data:` is for the arrows in Swagger UI's style sheet.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HTML = "text/html; charset=utf-8"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FROM_SWAGGER_UI = ("swagger-ui.css", "swagger-ui-bundle.js")
_OURS = ("docs.js", "page.css", "icon.svg")
_CODE = re.compile(r"`([^`]+)`")


class File(NamedTuple):
    """A file that a page loads."""

    value: Value
    content_type: str


@cache
def files_by_name() -> dict[str, File]:
    """The files by the names under which they are served: their own, and a digest of the content."""
    found = {}
    for path in [*(_swagger_ui() / name for name in _FROM_SWAGGER_UI), *(_static() / name for name in _OURS)]:
        body = path.read_bytes()
        digest = blake2b(body, digest_size=6).hexdigest()
        found[f"{path.stem}.{digest}{path.suffix}"] = File(Value(body), _TYPES[path.suffix])
    return found


async def show_document(request: web.Request) -> web.Response:
    """The OpenAPI document."""
    value = request.app[keys.API_DOCUMENT].value
    return await static_answer(request, value, "application/json", cache_control=_PAGE_KEPT)


async def show_docs(request: web.Request) -> web.Response:
    """The page with the document, to read and to try."""
    return await static_answer(request, _docs_page(), _HTML, cache_control=_PAGE_KEPT, policy=_POLICY)


async def show_docs_file(request: web.Request) -> web.Response:
    """One of the page's files. Found by its whole name among those that there are: no path is made of it."""
    name = request.match_info["file"]
    file = files_by_name().get(name)
    if file is None:
        raise NotFound(f"the page has no file {shown(name)}")
    return await static_answer(request, file.value, file.content_type, cache_control=_FILE_KEPT)


async def show_problem(request: web.Request) -> web.Response:
    """What a problem type means."""
    name = request.match_info["name"]
    problem = PROBLEM_TYPES.get(name)
    if problem is None:
        raise NotFound(f"there is no problem type {shown(name)}")
    return await static_answer(request, _problem_page(problem), _HTML, cache_control=_PAGE_KEPT, policy=_POLICY)


@cache
def _docs_page() -> Value:
    return Value(_filled("docs.html"))


@cache
def _problem_page(problem: ProblemType) -> Value:
    links = (f'<a href="{escape(name)}">{escape(name)}</a>' for name in PROBLEM_TYPES)
    return Value(
        _filled(
            "problem.html",
            title=escape(problem.title),
            meaning=_CODE.sub(r"<code>\1</code>", escape(problem.meaning)),
            status=str(problem.status),
            uri=escape(problem.uri),
            others=", ".join(links),
        )
    )


def _filled(template: str, **texts: str) -> bytes:
    """The page with each `${name_ext}` replaced by the served name of the file `name.ext`, and by `texts`."""
    names = {re.sub(r"\.[0-9a-f]{12}(?=\.)", "", name): name for name in files_by_name()}
    served = {re.sub(r"[.-]", "_", own): name for own, name in names.items()}
    return Template((_static() / template).read_text("utf-8")).substitute(served | texts).encode()


def _static() -> Path:
    return Path(str(files("farmlokal.web") / "static"))


def _swagger_ui() -> Path:
    # Looked up, not imported: the package's own code would bring its template engine into the process.
    spec = find_spec("swagger_ui")
    if spec is None or spec.origin is None:
        raise AssertionError("the package swagger-ui-py is not installed")
    return Path(spec.origin).parent / "static"
