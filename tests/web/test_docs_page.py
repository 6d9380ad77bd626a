"""`/docs`, its files, and the pages of the problem types, without a browser; `test_docs_page_browser.py` has one."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from farmlokal.web.answers.problems import PROBLEM_TYPES
from farmlokal.web.handlers.docs import files_by_name
from farmlokal.web.openapi.service import SHOW_DOCS_FILE
from tests.support.products import catalogue
from tests.support.raw_requests import ask, problem
from tests.support.service import Service, serving, settings_for

LOADED = re.compile(r'(?:src|href)="([^"]+)"')


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service over the small catalogue."""
    async with serving(settings_for(await catalogue(tmp_path))) as running:
        yield running


async def test_everything_that_the_page_loads_is_here(service: Service) -> None:
    """The page names files of this service alone, and has no script or style in it, which its policy would forbid."""
    page = await ask(service.port, "/docs")
    assert (200, "text/html; charset=utf-8") == (page.status, page.headers["Content-Type"])
    text = page.body.decode()
    named = LOADED.findall(text)
    assert {f"docs/{name}" for name in files_by_name()} | {"openapi.json"} == set(named)
    for name in named:
        assert 200 == (await ask(service.port, f"/{name}")).status
    assert "<style" not in text
    assert re.findall(r"<script(?! src=)", text) == []
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert "http" not in policy


async def test_a_file_may_be_kept_for_good(service: Service) -> None:
    """A file's name has a digest of its content, so caches may keep it a year; its tag tells whether it still holds."""
    for name, file in files_by_name().items():
        answer = await ask(service.port, f"/docs/{name}")
        assert file.value.body == answer.body
        assert file.content_type == answer.headers["Content-Type"]
        assert "public, max-age=31536000, immutable" == answer.headers["Cache-Control"]
        kept = await ask(service.port, f"/docs/{name}", headers=f"If-None-Match: {answer.headers['ETag']}\r\n")
        assert (304, b"") == (kept.status, kept.body)


def test_the_document_tells_what_files_are_called() -> None:
    """Each file's name has the form that the document gives, which is made without reading the files."""
    (form,) = (one.form for one in SHOW_DOCS_FILE.parameters if one.place == "path")
    assert [name for name in files_by_name() if not re.fullmatch(form.schema["pattern"], name)] == []


async def test_the_script_is_sent_coded(service: Service) -> None:
    """Swagger UI's megabyte and a half travels as a third of it at most."""
    name = next(name for name in files_by_name() if name.startswith("swagger-ui-bundle."))
    answer = await ask(service.port, f"/docs/{name}", headers="Accept-Encoding: gzip\r\n")
    assert "gzip" == answer.headers["Content-Encoding"]
    assert len(answer.body) * 3 < len(files_by_name()[name].value.body)


@pytest.mark.parametrize(
    "target",
    [
        *("/docs/../setup.py", "/docs/%2e%2e/docs_pages.py", "/docs/..%2f..%2fschema.sql", "/docs/%2fetc%2fpasswd"),
        *("/docs/docs.html", "/docs/swagger-ui.css", "/docs//", "/docs/a/b", "/docs/..\\docs.js", "/docs/%00"),
    ],
)
async def test_no_other_file_is_served(service: Service, target: str) -> None:
    """What is not the whole name of one of the files is not found, whatever path it would make."""
    problem(await ask(service.port, target), 404, "not-found")


@pytest.mark.parametrize("name", PROBLEM_TYPES)
async def test_every_problem_type_has_its_page(service: Service, name: str) -> None:
    """The address in `type` explains the type: its title, its status, what it means, and where the others are."""
    kind = PROBLEM_TYPES[name]
    page = await ask(service.port, kind.uri)
    assert (200, "text/html; charset=utf-8") == (page.status, page.headers["Content-Type"])
    text = re.sub(r"</?code>", "`", page.body.decode())
    assert f"<h1>{kind.title}</h1>" in text
    assert kind.meaning.replace("'", "&#x27;") in text
    assert f"`{kind.status}`" in text
    assert set(PROBLEM_TYPES) <= set(LOADED.findall(text))


async def test_an_unknown_problem_type_is_a_problem(service: Service) -> None:
    """There is no page for what is no type of ours; its name is shown as harmless as any other value."""
    refused = problem(await ask(service.port, "/problems/%3Cscript%3E%00"), 404, "not-found")
    assert "there is no problem type <script>\\x00" == refused["detail"]


async def test_what_may_be_asked_of_the_pages(service: Service) -> None:
    """HEAD has the headers of GET without a body; the document and the pages are asked for again after minutes."""
    for target in ("/docs", "/openapi.json", "/problems/not-found"):
        got = await ask(service.port, target)
        head = await ask(service.port, target, method="HEAD")
        assert (200, b"") == (head.status, head.body)
        assert got.headers["ETag"] == head.headers["ETag"]
        assert "public, max-age=300" == head.headers["Cache-Control"]
        assert str(len(got.body)) == head.headers["Content-Length"]
