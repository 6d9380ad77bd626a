"""What users of a load test take for a fault in an answer, and what they send."""

import random
import time
from typing import Any

import orjson
import pytest
from standardwebhooks import Webhook

from farmlokal.catalog.wire import parse_deletion, parse_product
from farmlokal.simulator.webhooks import WEBHOOK_SECRET
from farmlokal.webhooks.orders import Order
from loadtest.answers import (
    Once,
    OneToken,
    Page,
    Walk,
    directory_fault,
    near_fault,
    page_fault,
    prices_fault,
    summary_fault,
    sync_fault,
)
from loadtest.events import Shop
from loadtest.signing import signed_headers
from tests.loadtest.products import MANGO


def listing(*products: dict[str, Any], **page: Any) -> dict[str, Any]:
    """An answer of the listing."""
    known = {"limit": 20, "has_more": False, "next_cursor": None, "prev_cursor": None}
    return {"data": list(products), "page": known | page}


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (listing(MANGO), None),
        (listing(), "the page is empty"),
        (listing(MANGO, MANGO), "the page repeats a product"),
        (listing(MANGO, {**MANGO, "id": 2}, limit=1), "the page holds more products than its limit"),
        (listing(MANGO, has_more=True), "has_more contradicts next_cursor"),
        (listing({**MANGO, "price": 24.5}), "a price is no decimal string"),
        (listing({"id": 1}), "a product lacks category, currency, district, lat, lon, name, price, unit, updated_at"),
        ({"data": []}, "the answer has no complete page object"),
        ([], "the answer is no JSON object"),
    ],
)
def test_a_page_is_checked(answer: Any, fault: str | None) -> None:
    """A page that is fast and wrong fails the load test."""
    assert fault == page_fault(answer, may_be_empty=False)


@pytest.mark.parametrize(
    ("distances_km", "fault"),
    [
        ([], None),
        ([0, 0.5, 0.5, 2], None),
        ([0.5, None], "a product near a place lacks its distance"),
        ([0.5, 2.001], "a product lies beyond the radius"),
        ([0.5, 0.499], "the nearest products do not come first"),
    ],
)
def test_a_page_near_a_place_is_checked(distances_km: list[float | None], fault: str | None) -> None:
    """Every product says how far it is, none is too far, and the nearest come first where that was asked for."""
    page = listing(*({**MANGO, "distance_km": distance_km} for distance_km in distances_km))
    assert fault == near_fault(page, radius_km=2, nearest_first=True)


def test_near_a_place_another_order_has_no_radius_to_keep() -> None:
    """Without a radius everything is near enough, and by price the nearest need not be first."""
    page = listing({**MANGO, "distance_km": 900}, {**MANGO, "distance_km": 3})
    assert near_fault(page, radius_km=None, nearest_first=False) is None


def test_a_walk_meets_no_unchanged_product_twice() -> None:
    """A product that moved because it changed may come again."""
    walk = Walk()
    assert walk.fault(Page([MANGO], "next", None)) is None
    assert walk.fault(Page([{**MANGO, "price": "25.00"}], "next", None)) is None
    assert walk.fault(Page([MANGO], None, None)) == "the walk met a product again"


def test_callers_at_the_same_moment_get_one_token() -> None:
    """Two are right only while the older one is about to expire."""

    def token(name: str, left_s: int) -> dict[str, Any]:
        return {"access_token": name, "token_type": "Bearer", "expires_in": left_s}

    same, renewed, different = OneToken(), OneToken(), OneToken()
    assert [None, None] == [same.fault(token("a", 3000)), same.fault(token("a", 2999))]
    assert [None, None] == [renewed.fault(token("a", 500)), renewed.fault(token("b", 3600))]
    assert different.fault(token("a", 3000)) is None
    assert different.fault(token("b", 3600)) == "callers at the same moment got different tokens"
    assert OneToken().fault({}) == "the answer holds no bearer token"
    assert OneToken().fault(token("a", 0)) == "the token has no life left"


def test_an_event_takes_effect_once() -> None:
    """Whichever of two deliveries is answered first."""

    def said(*duplicates: bool, effect: str = "placed") -> list[str | None]:
        once = Once("placed", len(duplicates))
        return [once.fault({"duplicate": duplicate, "effect": effect}) for duplicate in duplicates]

    assert [None, None] == said(False, True) == said(True, False)
    assert [None, "an event took effect twice"] == said(False, False)
    assert [None, "an event's first delivery was called a duplicate"] == said(True, True)
    assert ["an event that should have been placed was ignored"] == said(False, effect="ignored")
    assert Once("placed", 1).fault({}) == "the answer does not say whether the event is a duplicate"


def test_a_price_history_has_each_day_once_and_the_newest_first() -> None:
    """It may be empty."""
    page = {"limit": 30, "has_more": False, "next_cursor": None, "prev_cursor": None}
    order, date = "the days of a price history are out of order", "a day of a price history has no date"
    assert [None, None, order, order, date] == [
        prices_fault({"data": [{"day": day} for day in days], "page": page})
        for days in ([], ["2026-11-22", "2026-11-21"], ["2026-11-21", "2026-11-22"], ["2026-11-22"] * 2, [None])
    ]


def test_a_place_and_a_farm_have_a_name_and_a_count() -> None:
    """A page of them may be empty."""
    page = {"limit": 20, "has_more": False, "next_cursor": None, "prev_cursor": None}
    fault = "a place or a farm lacks its name or its count"
    items: list[dict[str, object]] = [{"name": "Pune", "products": 3}, {"name": "Pune"}, {"products": 3}]
    assert [None, fault, fault] == [directory_fault({"data": [item], "page": page}) for item in items]
    assert directory_fault({"data": [], "page": page}) is None


def test_numbers_of_a_summary_lie_within_their_bounds() -> None:
    """An exact one is both of them."""

    def said(value: int, low: int, high: int, *, exact: bool = False) -> str | None:
        count = {"value": value, "exact": exact, "low": low, "high": high}
        return summary_fault({"total": count, "facets": {"organic": {"values": [{"value": True, "products": count}]}}})

    assert [None, None] == [said(5, 3, 9), said(5, 5, 5, exact=True)]
    assert "a number of products lies outside of its bounds" == said(5, 6, 9)
    assert "an exact number of products has bounds" == said(5, 5, 6, exact=True)
    assert "a number of products is not told whole" == summary_fault({"total": {"value": 1}, "facets": {}})
    assert "a summary has no facets" == summary_fault({"total": {}})


def test_a_sync_that_failed_is_a_fault() -> None:
    """One that is still running is not."""
    assert [None, None, "the sync is failed", "the sync's run has no name"] == [
        sync_fault(answer)
        for answer in (
            {"run": "a", "state": "done"},
            {"run": "a", "state": "running"},
            {"run": "a", "state": "failed"},
            {},
        )
    ]


def test_events_are_signed_as_the_specification_says() -> None:
    """Its reference library verifies what the standard library signed."""
    body = '{"type":"order.placed","name":"ಮಾವು"}'
    headers = signed_headers(WEBHOOK_SECRET, "msg_1", int(time.time()), body)
    assert orjson.loads(body) == Webhook(WEBHOOK_SECRET).verify(body, headers)


def test_the_shop_sends_what_the_service_can_read() -> None:
    """Every kind of event is in our wire format, names an own product, and sells no more than it has."""
    shop, kinds = Shop(random.Random(1)), set()
    for event in [*shop.opening(), *(shop.next() for _ in range(100)), *shop.closing()]:
        content = orjson.loads(event.body)
        kinds.add((content["type"], event.effect))
        assert content["data"]["source"] == "loadtest"
        match content["type"]:
            case "product.upserted":
                parse_product(content["data"], source="")
            case "product.deleted":
                parse_deletion(content["data"], source="")
            case _:
                Order.model_validate(content["data"])
    assert {
        ("product.upserted", "created"),
        ("product.upserted", "updated"),
        ("product.deleted", "deleted"),
        ("order.placed", "placed"),
        ("order.cancelled", "cancelled"),
    } == kinds
