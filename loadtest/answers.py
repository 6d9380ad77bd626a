"""What an answer must look like; each check gives the first fault, or None."""

from typing import Any, NamedTuple

_PRODUCT_FIELDS = frozenset(
    {"id", "name", "category", "price", "currency", "unit", "district", "lat", "lon", "updated_at"}
)
_PAGE_FIELDS = frozenset({"limit", "has_more", "next_cursor", "prev_cursor"})
# What a product may be sorted by: one that keeps these keeps its place in every walk.
_PLACE_FIELDS = ("id", "name", "price", "rating", "created_at", "updated_at")


class Page(NamedTuple):
    """One page of the listing: its products as they came, and the cursors that lead away from it."""

    products: list[dict[str, Any]]
    next_cursor: str | None
    prev_cursor: str | None


def page_of(answer: dict[str, Any]) -> Page:
    """The page in an `answer` that `page_fault` found nothing wrong with."""
    return Page(answer["data"], answer["page"]["next_cursor"], answer["page"]["prev_cursor"])


def page_fault(answer: Any, *, may_be_empty: bool) -> str | None:
    """What is wrong with a page of the listing; `may_be_empty` where a filter may match nothing."""
    fault = _list_fault(answer) or _page_object_fault(answer.get("page"))
    if fault is not None:
        return fault
    products, page = answer["data"], answer["page"]
    if not products and not may_be_empty:
        return "the page is empty"
    if len(products) > page["limit"]:
        return "the page holds more products than its limit"
    if len({product.get("id") for product in products}) < len(products):
        return "the page repeats a product"
    return next(filter(None, map(product_fault, products)), None)


def near_fault(answer: dict[str, Any], *, radius_km: float | None, nearest_first: bool) -> str | None:
    """What is wrong with a page near a place, in which `page_fault` found nothing wrong."""
    distances_km = [product.get("distance_km") for product in answer["data"]]
    if not all(isinstance(distance_km, int | float) for distance_km in distances_km):
        return "a product near a place lacks its distance"
    if radius_km is not None and max(distances_km, default=0) > radius_km:
        return "a product lies beyond the radius"
    if nearest_first and distances_km != sorted(distances_km):
        return "the nearest products do not come first"
    return None


def changes_fault(answer: Any) -> str | None:
    """What is wrong with a page of the change feed."""
    fault = _list_fault(answer)
    if fault is not None:
        return fault
    page = answer.get("page")
    if not isinstance(page, dict) or not {"limit", "has_more", "next_after"} <= page.keys():
        return "a page of changes does not say where to go on"
    changed = answer["data"]
    if len({product.get("id") for product in changed}) < len(changed):
        return "a page of changes repeats a product"
    return next(filter(None, (product_fault(one) for one in changed if not one.get("deleted"))), None)


def product_fault(product: Any) -> str | None:
    """What is wrong with one product."""
    if not isinstance(product, dict):
        return "a product is no JSON object"
    if missing := _PRODUCT_FIELDS - product.keys():
        return f"a product lacks {', '.join(sorted(missing))}"
    return None if isinstance(product["price"], str) else "a price is no decimal string"


def prices_fault(answer: Any) -> str | None:
    """What is wrong with a page of a price history, which may be empty; the newest day comes first."""
    fault = _list_fault(answer) or _page_object_fault(answer.get("page"))
    if fault is not None:
        return fault
    days = [one.get("day") if isinstance(one, dict) else None for one in answer["data"]]
    dates = [day for day in days if isinstance(day, str)]
    if len(dates) < len(days):
        return "a day of a price history has no date"
    return None if dates == sorted(set(dates), reverse=True) else "the days of a price history are out of order"


def categories_fault(answer: Any) -> str | None:
    """What is wrong with the list of categories."""
    fault = _list_fault(answer)
    if fault is not None:
        return fault
    return None if all(_is_category(item) for item in answer["data"]) else "a category lacks its name or its count"


def directory_fault(answer: Any) -> str | None:
    """What is wrong with a page of places or farms, which may be empty."""
    fault = _list_fault(answer) or _page_object_fault(answer.get("page"))
    if fault is not None:
        return fault
    return next(filter(None, map(counted_fault, answer["data"])), None)


def counted_fault(item: Any) -> str | None:
    """What is wrong with one place or farm."""
    named = isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("products"), int)
    return None if named else "a place or a farm lacks its name or its count"


def summary_fault(answer: Any) -> str | None:
    """What is wrong with a summary: every number lies within its bounds, and an exact one is both of them."""
    if not isinstance(answer, dict) or not isinstance(answer.get("facets"), dict):
        return "a summary has no facets"
    values = [one for facet in answer["facets"].values() for one in facet["values"]]
    counts = [answer.get("total"), *[one.get("products") for one in values]]
    return next((fault for fault in map(_count_fault, counts) if fault is not None), None)


def _count_fault(count: Any) -> str | None:
    if not isinstance(count, dict) or not {"value", "exact", "low", "high"} <= count.keys():
        return "a number of products is not told whole"
    if not count["low"] <= count["value"] <= count["high"]:
        return "a number of products lies outside of its bounds"
    return "an exact number of products has bounds" if count["exact"] and count["low"] != count["high"] else None


def suggestions_fault(answer: Any) -> str | None:
    """What is wrong with the completions of what is being typed."""
    fault = _list_fault(answer)
    if fault is not None:
        return fault
    texts = [one.get("text") if isinstance(one, dict) else None for one in answer["data"]]
    return None if all(isinstance(text, str) and text for text in texts) else "a suggestion has no text"


def sync_fault(answer: Any) -> str | None:
    """What is wrong with the summary of a sync's run, whether it is over or not."""
    if not isinstance(answer, dict) or not isinstance(answer.get("run"), str):
        return "the sync's run has no name"
    return None if answer.get("state") in ("done", "running") else f"the sync is {answer.get('state')}"


class Walk:
    """The products that were met on the way along `next_cursor`."""

    def __init__(self) -> None:
        self._met: set[tuple[Any, ...]] = set()

    def __repr__(self) -> str:
        return f"<Walk products={len(self._met)}>"

    def fault(self, page: Page) -> str | None:
        """Whether `page`, the walk's next one, shows a product again that did not change meanwhile."""
        # Times are whole seconds, so that a product may change without showing it there.
        products = {tuple(product.get(name) for name in _PLACE_FIELDS) for product in page.products}
        if products & self._met:
            return "the walk met a product again"
        self._met |= products
        return None


class OneToken:
    """What callers of the token route who ask at the same moment have been given."""

    # A token is renewed with at most a fifth of its life left; only then may there be two of them for a moment.
    _RENEWED_BELOW = 0.25

    def __init__(self) -> None:
        self._left_s: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"<OneToken tokens={len(self._left_s)}>"

    def fault(self, answer: Any) -> str | None:
        """What is wrong with one of the answers, given those before it."""
        if not isinstance(answer, dict) or not answer.get("access_token") or answer.get("token_type") != "Bearer":
            return "the answer holds no bearer token"
        left_s = answer.get("expires_in")
        if not isinstance(left_s, int) or left_s <= 0:
            return "the token has no life left"
        self._left_s[answer["access_token"]] = left_s
        if len(self._left_s) == 1 or (
            len(self._left_s) == 2 and min(self._left_s.values()) <= self._RENEWED_BELOW * max(self._left_s.values())
        ):
            return None
        return "callers at the same moment got different tokens"


class Once:
    """What a receiver said to deliveries of one event: to the first that it is new, to all others a duplicate."""

    def __init__(self, effect: str, deliveries: int) -> None:
        self._effect = effect
        self._deliveries = deliveries
        self._new = 0
        self._answered = 0

    def __repr__(self) -> str:
        return f"<Once {self._effect} answered={self._answered}/{self._deliveries} new={self._new}>"

    def fault(self, answer: Any) -> str | None:
        """What is wrong with one of the answers, given those before it."""
        if not isinstance(answer, dict) or not isinstance(answer.get("duplicate"), bool):
            return "the answer does not say whether the event is a duplicate"
        self._answered += 1
        self._new += not answer["duplicate"]
        if answer.get("effect") != self._effect:
            return f"an event that should have been {self._effect} was {answer.get('effect')}"
        if self._new > 1:
            return "an event took effect twice"
        if self._new == 0 and self._answered == self._deliveries:
            return "an event's first delivery was called a duplicate"
        return None


def _list_fault(answer: Any) -> str | None:
    if not isinstance(answer, dict):
        return "the answer is no JSON object"
    return None if isinstance(answer.get("data"), list) else "the answer has no list of data"


def _page_object_fault(page: Any) -> str | None:
    if not isinstance(page, dict) or not page.keys() >= _PAGE_FIELDS:
        return "the answer has no complete page object"
    return None if page["has_more"] == (page["next_cursor"] is not None) else "has_more contradicts next_cursor"


def _is_category(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("category"), str) and isinstance(item.get("products"), int)
