"""Households browsing the listing. Knows the service by its HTTP interface alone, and works against any `--host`.

Run it as `locust -f loadtest/locustfile.py --headless --host http://127.0.0.1:8080 --users 200 --spawn-rate 50
--run-time 60s`; it exits with 1 when a request failed or a listing route missed its target.
"""

import json
import random
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

from answers import Page, categories_fault, page_fault, page_of, product_fault, repeats
from households import Filters, Market
from locust import FastHttpUser, between, events
from locust.runners import WorkerRunner
from targets import CATEGORIES, LISTING, LISTING_BY_CURSOR, PRODUCT, passed, results_of, table

# How likely a household does each thing with the page before it.
_NEXT_PAGE_SHARE = 0.5
_OPEN_PRODUCT_SHARE = 0.4
_BACK_SHARE = 0.3
_PAGES_MAX = 8


_market = Market()
_rng = random.Random()

Fault = Callable[[Any], str | None]


class Household(FastHttpUser):  # type: ignore[misc, unused-ignore]
    """One person with the app open: looks at a page, thinks for a second, does the next thing."""

    wait_time = between(0.5, 2)

    def on_start(self) -> None:
        """Open the app: its categories, and the newest products of all, which also name the first districts."""
        categories = self.ask("/categories", CATEGORIES, categories_fault)
        if categories is not None:
            _market.learn_categories(categories["data"])
        self.open_page({})

    def visit(self) -> None:
        """Open a listing, leaf through it, look at a product here and there, sometimes leaf back."""
        filters = _market.filters(_rng)
        page = self.open_page(filters)
        for _ in range(_PAGES_MAX - 1):
            self.look_closer(page)
            if page is None or page.next_cursor is None or _rng.random() >= _NEXT_PAGE_SHARE:
                break
            self.pause()
            page = self.open_page(filters, cursor=page.next_cursor, before=page)
        if page is not None and page.prev_cursor is not None and _rng.random() < _BACK_SHARE:
            self.pause()
            self.open_page(filters, cursor=page.prev_cursor)

    tasks = [visit]  # noqa: RUF012 - locust reads it off the class, and never changes it

    def pause(self) -> None:
        """Think, as between two visits."""
        self.wait()  # type: ignore[no-untyped-call, unused-ignore]

    def look_closer(self, page: Page | None) -> None:
        """Open one product of `page`, if one takes the household's fancy."""
        if page is not None and page.products and _rng.random() < _OPEN_PRODUCT_SHARE:
            self.pause()
            product_id = str(_rng.choice(page.products)["id"])
            self.ask(f"/products/{quote(product_id)}", PRODUCT, product_fault)

    def open_page(self, filters: Filters, *, cursor: str | None = None, before: Page | None = None) -> Page | None:
        """Ask for one page; None if the answer was wrong. `before` is the page whose `next_cursor` leads to it."""
        query = filters if cursor is None else {**filters, "cursor": cursor}
        may_be_empty = bool(filters.keys() - {"sort"})

        def fault(answer: Any) -> str | None:
            found = page_fault(answer, may_be_empty=may_be_empty)
            if found is None and before is not None and repeats(page_of(answer), before):
                return "the next page repeats a product of the page before"
            return found

        url = f"/products?{urlencode(query)}" if query else "/products"
        answer = self.ask(url, LISTING if cursor is None else LISTING_BY_CURSOR, fault)
        if answer is None:
            return None
        page = page_of(answer)
        _market.learn_districts(page.products)
        return page

    def ask(self, url: str, route: str, fault_of: Fault) -> Any:
        """GET `url`, counted under `route`; the decoded answer, or None when it was not 200 or had a fault."""
        with self.client.get(url, name=route, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}" if response.status_code else "no answer")
                return None
            try:
                # Not response.json(): it guesses the charset of every answer, which costs more than the request.
                answer = json.loads(response.content)
            except ValueError:
                response.failure("the answer is not JSON")
                return None
            fault = fault_of(answer)
            if fault is not None:
                response.failure(fault)
                return None
            response.success()
            return answer


def judge(environment: Any, **_: Any) -> None:
    """When locust quits: write the pass/fail table, and make 0 (passed) or 1 the exit code of the process."""
    runner = environment.runner
    # A worker measures only a share of the load; its master judges.
    if runner is None or isinstance(runner, WorkerRunner):
        return
    results, errors = results_of(runner.stats), len(runner.exceptions)
    sys.stdout.write(f"\n{table(results, errors)}\n")
    environment.process_exit_code = 0 if passed(results, errors) else 1


events.quitting.add_listener(judge)  # type: ignore[no-untyped-call, unused-ignore]
