"""The crawler: walks everything that a filter matches, page by page."""

from typing import Any
from urllib.parse import urlencode

from locust import between, task

from loadtest.answers import Walk, page_fault, page_of
from loadtest.asking import Asker
from loadtest.browsing import MARKET
from loadtest.outcomes import LISTING, LISTING_BY_CURSOR

# A tenth of a second between two pages is what a polite one leaves; a filter of a few thousand products then takes
# some seconds. A longer walk ends here: the listing has no end that a load test could wait for.
_PAUSE_S = (0.05, 0.15)
_PAGES_MAX = 100


class Crawler(Asker):
    """Follows `next_cursor` to the end, and meets no product twice."""

    fixed_count = 1
    wait_time = between(*_PAUSE_S)

    @task
    def crawl(self) -> None:
        """Walk one filter."""
        query = MARKET.crawled(self.rng)
        walk = Walk()

        def fault(answer: Any) -> str | None:
            return page_fault(answer, may_be_empty=True) or walk.fault(page_of(answer))

        cursor: str | None = None
        for _ in range(_PAGES_MAX):
            parameters = query if cursor is None else {**query, "cursor": cursor}
            route = LISTING if cursor is None else LISTING_BY_CURSOR
            answer = self.ask(f"/products?{urlencode(parameters)}", route, fault)
            cursor = None if answer is None or answer.content is None else page_of(answer.content).next_cursor
            if cursor is None:
                break
            self.wait()  # type: ignore[no-untyped-call]
