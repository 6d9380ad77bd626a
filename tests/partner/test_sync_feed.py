"""What a page of the feed must look like, and walks that would not end."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.errors import FeedInvalid
from farmlokal.partner.sync.feed import EMPTY_PAGES_MAX, PAGES_MAX, Page, WalkGuard, page_query, parse_page
from tests.partner.feed_server import AS_OF, page, rows

NOW = datetime(2026, 11, 22, 10, 15, tzinfo=UTC)


def pass_pages(guard: WalkGuard, pages: list[Page]) -> None:
    """Pass `pages` by `guard` one after another."""
    for one in pages:
        guard.pass_page(one)


def test_page_is_read() -> None:
    """Rows come through as they are, whatever else the page says."""
    read = parse_page({**page(["a row", 7], "next"), "total": 2}, now=NOW)
    assert Page(["a row", 7], "next", AS_OF) == read
    assert parse_page(page([]), now=NOW).next_page_token is None


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "a page must be a JSON object, not []"),
        (None, "a page must be a JSON object, not None"),
        ({"products": []}, "a page must have as_of, next_page_token, products, not only ['products']"),
        (page("rows") | {"products": "rows"}, "products must be a list, not 'rows'"),
        (page(rows(501)), "a page of 501 products came where at most 500 were asked for"),
        (page([], ""), "next_page_token must be null or a printable text of 1 to 2048 characters, not ''"),
        (page([], 7), "next_page_token must be null or a printable text of 1 to 2048 characters, not 7"),
        (page([], "a" * 2049), "next_page_token must be null"),
        (page([], "a\x00"), "next_page_token must be null"),
        (page([], None, None), "as_of must be an RFC 3339 time, not None"),
        (page([], None, 1_795_342_500), "as_of must be an RFC 3339 time, not 1795342500"),
        (page([], None, "yesterday"), "as_of must be an RFC 3339 time, not 'yesterday'"),
        (page([], None, "2026-11-22T10:15:00"), "as_of must be an RFC 3339 time"),
        (page([], None, "2026-02-30T10:15:00Z"), "as_of must be an RFC 3339 time"),
        (page([], None, "2027-11-22T10:15:00Z"), "as_of must not lie in the future"),
    ],
)
def test_page_that_breaks_the_form_is_refused(data: Any, said: str) -> None:
    """Each fault of a page is an error that says what came in place of what."""
    with pytest.raises(FeedInvalid) as refused:
        parse_page(data, now=NOW)
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize("as_of", ["2026-11-22T10:15:00.25+05:30", "2026-11-22t10:15:00z", "2026-11-22T12:00:00Z"])
def test_as_of_is_kept_as_it_was_said(as_of: str) -> None:
    """Any RFC 3339 time will do, a clock that is somewhat ahead included, and goes back to the partner unchanged."""
    assert as_of == parse_page(page([], None, as_of), now=NOW).as_of


def test_query_asks_for_one_page() -> None:
    """The first page of everything has a size only; a later one of an incremental walk says both places."""
    assert {"page_size": "500"} == page_query(None, None)
    assert {"page_size": "500", "page_token": "x", "updated_since": AS_OF} == page_query("x", AS_OF)


@given(lead=st.integers(0, 200), length=st.integers(1, 300))
def test_circle_is_found_whatever_its_length(lead: int, length: int) -> None:
    """A feed whose tokens come round again is refused within three rounds and three times the way to the first."""
    guard = WalkGuard()
    places = [number if number < lead else lead + (number - lead) % length for number in range(3 * (lead + length) + 3)]
    with pytest.raises(FeedInvalid, match="goes round in circles"):
        pass_pages(guard, [Page(["a row"], str(place), AS_OF) for place in places])


def test_empty_pages_end_the_walk() -> None:
    """Some empty pages in a row pass; endlessly many do not, though each has another token."""
    guard = WalkGuard()
    for number in range(EMPTY_PAGES_MAX):
        guard.pass_page(Page([], str(number), AS_OF))
    guard.pass_page(Page(["a row"], "between", AS_OF))
    with pytest.raises(FeedInvalid, match="empty pages in a row"):
        pass_pages(guard, [Page([], f"again {number}", AS_OF) for number in range(EMPTY_PAGES_MAX + 1)])


def test_endless_pages_end_the_walk() -> None:
    """A feed with ever new tokens comes to an end all the same, also over several resumptions."""
    guard = WalkGuard(PAGES_MAX - 2)
    guard.pass_page(Page(["a row"], "last but one", AS_OF))
    with pytest.raises(FeedInvalid, match="does not end"):
        guard.pass_page(Page(["a row"], "last", AS_OF))
