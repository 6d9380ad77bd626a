"""The partner's product feed as it comes over the wire: pages, and what a feed must not do."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from farmlokal.errors import FeedInvalid

# The parameters of one page in, the decoded JSON of the answer out. Raises PartnerError.
FetchPage = Callable[[Mapping[str, str]], Awaitable[Any]]

PAGE_SIZE = 500
# What the place of a run has room for.
PAGE_TOKEN_CHARS_MAX = 2048
# A feed may filter after it has paged, and then has some empty pages in a row; not endlessly many.
EMPTY_PAGES_MAX = 100
# 100 million rows at the size that we ask for: no feed of this kind is longer.
PAGES_MAX = 200_000
# Clocks differ. But an `as_of` of next year would hide a year of changes from the next run.
_AHEAD_MAX = timedelta(days=1)
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_FIELDS = {"products", "next_page_token", "as_of"}
_SHOWN_CHARS_MAX = 80


class Page(NamedTuple):
    """One page: its rows as they came, where the next one is (None: there is none), and the walk's `as_of`."""

    rows: list[object]
    next_page_token: str | None
    as_of: str


def page_query(page_token: str | None, updated_since: str | None) -> dict[str, str]:
    """Returns the parameters of the request for one page."""
    query = {"page_size": str(PAGE_SIZE)}
    if page_token is not None:
        query["page_token"] = page_token
    if updated_since is not None:
        query["updated_since"] = updated_since
    return query


def parse_page(data: object, *, now: datetime) -> Page:
    """Returns the page in `data`, decoded JSON. now: aware. Raises FeedInvalid, whose text is the first fault."""
    for fault in page_faults(data, now=now):
        raise FeedInvalid(fault)
    page: Any = data
    return Page(page["products"], page["next_page_token"], page["as_of"])


def page_faults(data: object, *, now: datetime) -> Iterator[str]:
    """Yields every fault of the form of the page in `data`; its rows are the catalogue's. now: aware."""
    if not isinstance(data, dict):
        yield f"a page must be a JSON object, not {_shown(data)}"
        return
    if not data.keys() >= _FIELDS:
        yield f"a page must have {', '.join(sorted(_FIELDS))}, not only {_shown(sorted(data))}"
        return
    yield from _row_faults(data["products"])
    yield from _page_token_faults(data["next_page_token"])
    yield from _as_of_faults(data["as_of"], now)


def _row_faults(rows: object) -> Iterator[str]:
    if not isinstance(rows, list):
        yield f"products must be a list, not {_shown(rows)}"
    elif len(rows) > PAGE_SIZE:
        yield f"a page of {len(rows)} products came where at most {PAGE_SIZE} were asked for"


def _page_token_faults(token: object) -> Iterator[str]:
    if token is None:
        return
    if not isinstance(token, str) or not 0 < len(token) <= PAGE_TOKEN_CHARS_MAX or not token.isprintable():
        yield (
            f"next_page_token must be null or a printable text of 1 to {PAGE_TOKEN_CHARS_MAX} characters,"
            f" not {_shown(token)}"
        )


def _as_of_faults(text: object, now: datetime) -> Iterator[str]:
    moment = _moment(text) if isinstance(text, str) else None
    if moment is None:
        yield f"as_of must be an RFC 3339 time, not {_shown(text)}"
    elif moment > now + _AHEAD_MAX:
        yield f"as_of must not lie in the future, as {text} does"


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC) if _TIME.fullmatch(text) else None
    except (ValueError, OverflowError):
        return None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "…"


class WalkGuard:
    """Ends a walk that would never end by itself, in constant memory.

    Tokens that come round again are found by comparing each with one kept token, which is replaced at every power of
    two (R. P. Brent, "An improved Monte Carlo factorization algorithm", 1980): after at most three rounds, whatever
    the length of the round.
    """

    def __init__(self, pages: int = 0) -> None:
        """pages: the number that the walk has passed already."""
        self._pages = pages
        self._kept: str | None = None
        self._since_kept = 0
        self._keep_for = 1
        self._empty = 0

    def __repr__(self) -> str:
        return f"<WalkGuard pages={self._pages} empty={self._empty} kept={self._kept!r}>"

    def pass_page(self, page: Page) -> None:
        """Count `page`. Raises FeedInvalid when the feed goes round in circles or does not come to its end."""
        token = page.next_page_token
        if token is None:
            return
        self._pages += 1
        self._empty = 0 if page.rows else self._empty + 1
        if token == self._kept:
            raise FeedInvalid(f"the feed goes round in circles: next_page_token {_shown(token)} came twice")
        if self._empty > EMPTY_PAGES_MAX:
            raise FeedInvalid(f"the feed does not end: more than {EMPTY_PAGES_MAX} empty pages in a row")
        if self._pages >= PAGES_MAX:
            raise FeedInvalid(f"the feed does not end: more than {PAGES_MAX} pages")
        self._since_kept += 1
        if self._kept is None or self._since_kept == self._keep_for:
            self._kept, self._since_kept, self._keep_for = token, 0, self._keep_for * 2
