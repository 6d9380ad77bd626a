"""The household: one person with the app open."""

from collections import OrderedDict
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import gevent
from locust import between

from loadtest.answers import (
    Page,
    Walk,
    categories_fault,
    counted_fault,
    directory_fault,
    near_fault,
    page_fault,
    page_of,
    prices_fault,
    product_fault,
    summary_fault,
)
from loadtest.asking import Asker, Fault
from loadtest.households import Filters, Home, Market, zipf_choice
from loadtest.outcomes import (
    CATEGORIES,
    FARM,
    FARMS,
    LISTING,
    LISTING_BY_CURSOR,
    NEAR,
    NEAR_BY_CURSOR,
    PLACES,
    PRICES,
    PRODUCT,
    SUMMARY,
)

# How likely a household does each thing with the page before it.
_NEXT_PAGE_SHARE = 0.5
_OPEN_PRODUCT_SHARE = 0.4
_PRICES_SHARE = 0.2
_FARM_SHARE = 0.2
# How often it looks for what there is to choose from, instead of asking for what it knows; and there for a farm.
_LOOK_AROUND_SHARE = 0.1
_FARMS_SHARE = 0.5
_FILTERS_SHARE = 0.25
_RETURN_SHARE = 0.5
_BACK_SHARE = 0.3
_PAGES_MAX = 8
# Answers that the app keeps, to ask only whether they still hold.
_KEPT_MAX = 12

# What this process's users have learnt of the catalogue.
MARKET = Market()


class Kept(NamedTuple):
    """An answer that the app keeps."""

    etag: str
    content: Any


class Household(Asker):
    """Looks at a page, thinks for a second, does the next thing; what was seen before is only revalidated."""

    wait_time = between(0.5, 2)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._home: Home | None = None

    def on_start(self) -> None:
        """Open the app: its categories, and the newest products of all, which also tell where people live."""
        # Locust brings all who come within one second at its beginning; people come one by one.
        gevent.sleep(self.rng.random())
        categories = self.look_at("/categories", CATEGORIES, categories_fault)
        if categories is not None:
            MARKET.learn_categories(categories["data"])
        self.open_page({})
        self._home = MARKET.home(self.rng)

    def visit(self) -> None:
        """Open a listing, leaf through it, look at a product here and there and return from it, sometimes leaf back."""
        filters = self.look_around() if self.rng.random() < _LOOK_AROUND_SHARE else None
        filters = MARKET.filters(self.rng, self._home) if filters is None else filters
        walk = Walk()
        page = self.open_page(filters, walk=walk)
        if self.rng.random() < _FILTERS_SHARE:
            self.open_filters(filters)
        cursor: str | None = None
        for _ in range(_PAGES_MAX - 1):
            if self.look_closer(page) and self.rng.random() < _RETURN_SHARE:
                self.pause()
                self.open_page(filters, cursor=cursor)
            if page is None or page.next_cursor is None or self.rng.random() >= _NEXT_PAGE_SHARE:
                break
            self.pause()
            cursor = page.next_cursor
            page = self.open_page(filters, cursor=cursor, walk=walk)
        if page is not None and page.prev_cursor is not None and self.rng.random() < _BACK_SHARE:
            self.pause()
            self.open_page(filters, cursor=page.prev_cursor)

    tasks = [visit]  # noqa: RUF012 - locust reads it off the class, and never changes it

    def pause(self) -> None:
        """Think, as between two visits."""
        self.wait()  # type: ignore[no-untyped-call]

    def look_around(self) -> Filters | None:
        """Choose a state, a district in it and perhaps a farm there: what to ask for then; None where there is none."""
        state = self._choose("/places", PLACES)
        if state is None:
            return None
        self.pause()
        there = urlencode({"level": "district", "state": state["name"], "limit": "100"})
        district = self._choose(f"/places?{there}", PLACES)
        if district is None:
            return {"state": state["name"]}
        if self.rng.random() >= _FARMS_SHARE:
            return {"state": state["name"], "district": district["name"]}
        self.pause()
        farm = self._choose(f"/farms?{urlencode({'district': district['name']})}", FARMS)
        return {"district": district["name"]} if farm is None else {"farm_id": str(farm["id"])}

    def _choose(self, url: str, route: str) -> dict[str, Any] | None:
        """One of the places or farms at `url`, the first ones most often."""
        answer = self.look_at(url, route, directory_fault)
        listed: list[dict[str, Any]] = [] if answer is None else answer["data"]
        return zipf_choice(listed, self.rng) if listed else None

    def look_closer(self, page: Page | None) -> bool:
        """Open one product of `page`, if one takes the household's fancy; whether one did.

        Sometimes also what it cost, or the farm that it is from.
        """
        if page is None or not page.products or self.rng.random() >= _OPEN_PRODUCT_SHARE:
            return False
        self.pause()
        product = self.rng.choice(page.products)
        product_id = str(product["id"])
        self.look_at(f"/products/{quote(product_id)}", PRODUCT, product_fault)
        if self.rng.random() < _PRICES_SHARE:
            self.pause()
            self.look_at(f"/products/{quote(product_id)}/prices", PRICES, prices_fault)
        if product.get("farm") and self.rng.random() < _FARM_SHARE:
            self.pause()
            self.look_at(f"/farms/{quote(str(product['farm']['id']))}", FARM, counted_fault)
        return True

    def open_filters(self, filters: Filters) -> None:
        """Open the panel of filters, to see what there is of what under those chosen."""
        self.pause()
        query = {name: value for name, value in filters.items() if name != "sort"}
        self.look_at(f"/products/summary?{urlencode(query)}", SUMMARY, summary_fault)

    def open_page(self, filters: Filters, *, cursor: str | None = None, walk: Walk | None = None) -> Page | None:
        """Ask for one page; None if the answer was wrong. `walk` is the way along `next_cursor` that it belongs to."""
        query = filters if cursor is None else {**filters, "cursor": cursor}
        # Whoever sorts still sees every product; whoever follows a cursor may find that all behind it is gone.
        may_be_empty = bool(query.keys() - {"sort"})

        def fault(answer: Any) -> str | None:
            return page_fault(answer, may_be_empty=may_be_empty) or _fault_of_near(answer, filters)

        url = f"/products?{urlencode(query, doseq=True)}" if query else "/products"
        answer = self.look_at(url, _route(query), fault, walk=walk)
        if answer is None:
            return None
        page = page_of(answer)
        MARKET.learn_products(page.products)
        return page

    def look_at(self, url: str, route: str, fault_of: Fault, *, walk: Walk | None = None) -> Any:
        """The content at `url`, revalidated where it is kept; None when the answer was wrong."""
        kept = self._kept.get(url)

        def fault(content: Any) -> str | None:
            return fault_of(content) or (walk.fault(page_of(content)) if walk is not None else None)

        headers = {} if kept is None else {"If-None-Match": kept.etag}
        answer = self.ask(url, route, fault, headers=headers)
        if answer is None:
            return None
        if kept is not None and answer.status == HTTPStatus.NOT_MODIFIED:
            return kept.content
        if etag := answer.header("etag"):
            self._kept[url] = Kept(etag, answer.content)
            if len(self._kept) > _KEPT_MAX:
                self._kept.popitem(last=False)
        return answer.content


def _route(query: Filters) -> str:
    if "near" in query:
        return NEAR_BY_CURSOR if "cursor" in query else NEAR
    return LISTING_BY_CURSOR if "cursor" in query else LISTING


def _fault_of_near(answer: dict[str, Any], filters: Filters) -> str | None:
    if "near" not in filters:
        return None
    radius_km = float(filters["radius_km"]) if "radius_km" in filters else None
    return near_fault(answer, radius_km=radius_km, nearest_first=filters["sort"] == "distance")
