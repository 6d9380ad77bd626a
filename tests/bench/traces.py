"""Made-up request traces, the same on every run: who asks for which page, and how heavy the pages are."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, islice

PAGES = 100_000
COLD_PAGES = 100_000
REQUESTS = 500_000

# Twenty products of some 280 bytes: what most pages of a listing weigh.
_BODY_BYTES = 5_600
# One product to a hundred and more; each size equally often, whatever the page's popularity.
_BODY_BYTES_MIXED = (512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768)
# How often the shifting traces change, and how many places the ranks then move on.
_SHIFT_REQUESTS = 50_000
_SHIFT_PAGES = 20_000
_DRIFT_PAGES = 20


@dataclass(frozen=True, slots=True)
class Trace:
    """`requests` in order, by page number, and the body of each page in bytes, by page number.

    The pages from number `users_pages` on are a crawler's alone.
    """

    name: str
    requests: list[int]
    body_bytes: list[int]
    users_pages: int

    def users_requests(self) -> list[int]:
        """The requests without the crawler's."""
        return [page for page in self.requests if page < self.users_pages]


def zipf(exponent: float, *, pages: int = PAGES, requests: int = REQUESTS) -> Trace:
    """Independent requests; the page of rank r is asked for in proportion to 1 / r ** exponent."""
    return _uniform(f"Zipf {exponent}", list(islice(_ranks(exponent, pages), requests)), pages)


def scan(*, visits: int = 1, pages: int = PAGES, cold_pages: int = COLD_PAGES, requests: int = REQUESTS) -> Trace:
    """Zipf 0.99, and from a fifth of the way on a crawler that takes turns with the users until it has seen all.

    visits: how often the crawler asks for each cold page in a row.
    """
    users = list(islice(_ranks(0.99, pages), requests))
    crawler = [pages + number for number in range(cold_pages) for _ in range(visits)]
    start = requests // 5
    woven = [page for pair in zip(users[start:], crawler, strict=False) for page in pair]
    rest = users[start + len(woven) // 2 :]
    name = "crawler, each page once" if visits == 1 else f"crawler, each page {visits} times in a row"
    return Trace(name, users[:start] + woven + rest, [_BODY_BYTES] * (pages + cold_pages), users_pages=pages)


def shift(*, pages: int = PAGES, requests: int = REQUESTS) -> Trace:
    """Zipf 0.99 whose popularity moves to other pages altogether every 50,000 requests."""
    ranks = islice(_ranks(0.99, pages), requests)
    moved = [(rank + number // _SHIFT_REQUESTS * _SHIFT_PAGES) % pages for number, rank in enumerate(ranks)]
    return _uniform("popularity jumps", moved, pages)


def drift(*, pages: int = PAGES, requests: int = REQUESTS) -> Trace:
    """Zipf 0.99 in which every 1,000 requests the hottest 20 pages lose their place to the next ones."""
    ranks = islice(_ranks(0.99, pages), requests)
    moved = [(rank + number // 1_000 * _DRIFT_PAGES) % pages for number, rank in enumerate(ranks)]
    return _uniform("popularity drifts", moved, pages)


def mixed_sizes(*, pages: int = PAGES, requests: int = REQUESTS) -> Trace:
    """Zipf 0.99 over pages of 0.5 to 32 KiB."""
    draw = random.Random(2)
    bodies = draw.choices(_BODY_BYTES_MIXED, k=pages)
    ranks = list(islice(_ranks(0.99, pages), requests))
    return Trace("sizes 0.5 to 32 KiB", ranks, bodies, users_pages=pages)


def _uniform(name: str, requests: list[int], pages: int) -> Trace:
    return Trace(name, requests, [_BODY_BYTES] * pages, users_pages=pages)


def _ranks(exponent: float, pages: int) -> Iterator[int]:
    draw = random.Random(1)
    sums = list(accumulate(1 / rank**exponent for rank in range(1, pages + 1)))
    while True:
        yield from draw.choices(range(pages), cum_weights=sums, k=10_000)
