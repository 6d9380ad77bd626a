"""Conditional requests (RFC 9110 section 13): a client that has the page already is told so, and sent no body."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from farmlokal.web import keys
from farmlokal.web.answers.conditional import any_match, none_match
from tests.support.cache import peeked
from tests.support.kept_connection import ask_kept
from tests.support.products import catalogue
from tests.support.raw_requests import Answer, max_age_s, problem
from tests.support.service import Service, serving, settings_for
from tests.web.watched_store import watch_store

TAG = '"abc"'


@pytest.fixture(params=["on", "off"], ids=["hot path", "full path"])
async def service(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    """A service without Redis, over the small catalogue."""
    async with serving(settings_for(await catalogue(tmp_path), hot_path=request.param)) as running:
        yield running


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (TAG, False),
        (f"W/{TAG}", False),
        ("*", False),
        (" * ", False),
        (f'"x", {TAG}', False),
        (f'"x",{TAG},"y"', False),
        (f'W/"x" ,\t W/{TAG}', False),
        (f'"a,b", {TAG}', False),
        (f", ,{TAG},", False),
        ('"x"', True),
        ('"x", "y"', True),
        ('"ABC"', True),
        ("abc", True),
        ('"abc', True),
        ('w/"abc"', True),
        (f"{TAG} {TAG}", True),
        (f'"x" {TAG}', True),
        (f"{TAG}, junk", True),
        ('"*"', True),
        ("", True),
    ],
)
def test_if_none_match_compares_weakly(sent: str, expected: bool) -> None:
    """Lists, weak tags and `*` match; what is not well-formed matches nothing, and the page is sent."""
    assert expected == none_match(sent, TAG)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(TAG, True), ("*", True), (f'"x", {TAG}', True), (f"W/{TAG}", False), ('"x"', False), ("abc", False)],
)
def test_if_match_compares_strongly(sent: str, expected: bool) -> None:
    """A weak tag never matches."""
    assert expected == any_match(sent, TAG)


async def revalidated(service: Service, target: str, headers: str) -> Answer:
    """The answer to a conditional request, which has no body and says no length or type of one."""
    answer = await ask_kept(service.port, target, headers=headers)
    assert (304, b"") == (answer.status, answer.body)
    assert not {"Content-Length", "Content-Type", "Content-Encoding", "Link"} & set(answer.headers)
    return answer


async def test_what_the_client_has_is_not_sent_again(service: Service) -> None:
    """The 304 has the validator and the caching headers that the page would have had (section 15.4.5)."""
    page = await ask_kept(service.port, "/products?limit=3")
    answer = await revalidated(service, "/products?limit=3", f"If-None-Match: {page.headers['ETag']}\r\n")
    for name in ("ETag", "Vary"):
        assert page.headers[name] == answer.headers[name]
    assert {"Cache-Control", "Cache-Status", "Date", "X-Request-ID"} <= set(answer.headers)
    assert max_age_s(page) >= max_age_s(answer) > 0
    assert answer.headers["Cache-Status"].startswith("farmlokal; hit")


async def test_another_page_is_sent(service: Service) -> None:
    """A tag of another page does not match."""
    other = await ask_kept(service.port, "/products?limit=4")
    sent = f"If-None-Match: {other.headers['ETag']}\r\n"
    assert 200 == (await ask_kept(service.port, "/products?limit=3", headers=sent)).status


async def test_the_tag_of_the_selected_coding_counts(service: Service) -> None:
    """A client that wants gzip is compared with the tag of the gzip form, and with no other."""
    plain = await ask_kept(service.port, "/products")
    coded = await ask_kept(service.port, "/products", headers="Accept-Encoding: gzip\r\n")
    accepting = "Accept-Encoding: gzip\r\nIf-None-Match: "
    await revalidated(service, "/products", f"{accepting}{coded.headers['ETag']}\r\n")
    assert 200 == (await ask_kept(service.port, "/products", headers=f"{accepting}{plain.headers['ETag']}\r\n")).status


async def test_two_lines_are_one_list(service: Service) -> None:
    """A tag in the second line counts."""
    page = await ask_kept(service.port, "/products")
    await revalidated(service, "/products", f'If-None-Match: "x"\r\nIf-None-Match: {page.headers["ETag"]}\r\n')


@pytest.mark.parametrize("target", ["/products?sort=name", "/products/3", "/categories"])
async def test_every_cached_route_revalidates(service: Service, target: str) -> None:
    """Pages, products and categories; GET and HEAD."""
    page = await ask_kept(service.port, target)
    sent = f"If-None-Match: {page.headers['ETag']}\r\n"
    await revalidated(service, target, sent)
    assert 304 == (await ask_kept(service.port, target, method="HEAD", headers=sent)).status


async def test_a_coding_is_not_made_to_say_that_nothing_changed(service: Service) -> None:
    """A 304 touches no body: the variant that it speaks of need not exist."""
    page = await ask_kept(service.port, "/products?limit=9")
    tag = f'{page.headers["ETag"][:-1]}-br"'
    sent = f"Accept-Encoding: br\r\nIf-None-Match: {tag}\r\n"
    await revalidated(service, "/products?limit=9", sent)
    lookup = peeked(service.app[keys.CACHE], "products?limit=9")
    assert lookup is not None
    assert {} == lookup.value.variants


async def test_a_precondition_that_fails_is_a_412_problem(service: Service) -> None:
    """`If-Match` with a tag that is no longer there: the client wanted that version or none."""
    page = await ask_kept(service.port, "/products")
    assert 200 == (await ask_kept(service.port, "/products", headers=f"If-Match: {page.headers['ETag']}\r\n")).status
    problem(await ask_kept(service.port, "/products", headers='If-Match: "old"\r\n'), 412, "precondition-failed")


async def test_if_match_is_looked_at_before_if_none_match(service: Service) -> None:
    """The order of section 13.2.2."""
    page = await ask_kept(service.port, "/products")
    sent = f'If-Match: "old"\r\nIf-None-Match: {page.headers["ETag"]}\r\n'
    assert 412 == (await ask_kept(service.port, "/products", headers=sent)).status


async def test_what_we_do_not_date_is_not_compared_by_date(service: Service) -> None:
    """Pages carry no `Last-Modified`: `If-Modified-Since` says nothing of them."""
    sent = "If-Modified-Since: Sun, 22 Nov 2037 00:00:00 GMT\r\n"
    assert 200 == (await ask_kept(service.port, "/products", headers=sent)).status


async def test_a_range_is_answered_with_the_whole(service: Service) -> None:
    """We serve no ranges, and need not (section 14.2)."""
    whole = await ask_kept(service.port, "/products")
    answer = await ask_kept(service.port, "/products", headers="Range: bytes=0-9\r\n")
    assert (200, whole.body) == (answer.status, answer.body)


async def test_an_error_is_never_not_modified(service: Service) -> None:
    """`If-None-Match: *` does not turn a refusal or a missing product into a 304."""
    sent = "If-None-Match: *\r\n"
    assert 400 == (await ask_kept(service.port, "/products?limit=0", headers=sent)).status
    assert 404 == (await ask_kept(service.port, "/products/999999", headers=sent)).status


async def test_a_revalidation_loads_nothing_that_is_fresh(service: Service) -> None:
    """A 304 costs no question to the database."""
    store = watch_store(service.app)
    page = await ask_kept(service.port, "/products?limit=8")
    for _ in range(3):
        await revalidated(service, "/products?limit=8", f"If-None-Match: {page.headers['ETag']}\r\n")
    assert 1 == store.questions
