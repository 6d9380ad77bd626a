"""What an answer of the listing must look like; each check gives the first fault, or None."""

from typing import Any, NamedTuple

_PRODUCT_FIELDS = frozenset({"id", "name", "category", "price", "currency", "unit", "district", "updated_at"})
_PAGE_FIELDS = frozenset({"limit", "has_more", "next_cursor", "prev_cursor"})


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


def product_fault(product: Any) -> str | None:
    """What is wrong with one product."""
    if not isinstance(product, dict):
        return "a product is no JSON object"
    if missing := _PRODUCT_FIELDS - product.keys():
        return f"a product lacks {', '.join(sorted(missing))}"
    return None if isinstance(product["price"], str) else "a price is no decimal string"


def categories_fault(answer: Any) -> str | None:
    """What is wrong with the list of categories."""
    fault = _list_fault(answer)
    if fault is not None:
        return fault
    return None if all(_is_category(item) for item in answer["data"]) else "a category lacks its name or its count"


def repeats(page: Page, before: Page) -> bool:
    """Whether `page`, reached by the `next_cursor` of `before`, shows a product again that did not change meanwhile."""
    seen = {(product["id"], product["updated_at"]) for product in before.products}
    return any((product["id"], product["updated_at"]) in seen for product in page.products)


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
