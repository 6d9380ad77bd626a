"""Orders: stock moves by what was ordered, once per order and type, in whatever order the events arrive."""

import asyncio

from tests.support.backends import on_every_backend
from tests.support.webhook_sender import new_id, order, product
from tests.webhooks.inbox_view import inbox_of, stock_of
from tests.webhooks.webhook_service import webhook_service

pytestmark = on_every_backend
DEAD = (422, None, "/problems/event-dead")


async def test_placing_lowers_and_cancelling_raises(backend_url: str) -> None:
    """The listing shows the new stock at once; the version is the source's and stays."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(stock=10))
        assert [10] == [row["stock"] for row in await stand.listed()]
        assert (200, False, "placed") == await stand.event("order.placed", order("A1", 4))
        assert [6] == [row["stock"] for row in await stand.listed()]
        assert (200, False, "cancelled") == await stand.event("order.cancelled", order("A1", 4))
        assert [10] == [row["stock"] for row in await stand.listed()]
        assert (200, False, "unchanged") == await stand.event("product.upserted", product(stock=10))


async def test_once_per_order_and_type_whatever_the_id(backend_url: str) -> None:
    """The same order under a new webhook id is done without effect; under other content it is dead."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(stock=10))
        await stand.event("order.placed", order("A1", 4))
        assert (200, False, "repeated") == await stand.event("order.placed", order("A1", 4))
        assert DEAD == await stand.event("order.placed", order("A1", 5))
        assert DEAD == await stand.event("order.cancelled", order("A1", 5))
        await stand.event("order.cancelled", order("A1", 4))
        assert (200, False, "repeated") == await stand.event("order.cancelled", order("A1", 4))
        assert (200, False, "repeated") == await stand.event("order.placed", order("A1", 4))
        assert 10 == await stock_of(stand.database)


async def test_the_stock_is_never_below_zero(backend_url: str) -> None:
    """What does not fit is dead with the reason, and changes nothing."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(stock=3))
        assert DEAD == await stand.event("order.placed", order("A1", 4))
        assert (200, False, "placed") == await stand.event("order.placed", order("A2", 3))
        assert DEAD == await stand.event("order.placed", order("A3", 1))
        assert 0 == await stock_of(stand.database)
        reasons = {row.reason for row in await inbox_of(stand.database) if row.state == "dead"}
        assert {
            f"partner has {stock} of product okra-1: it cannot change by -{by}" for stock, by in ((3, 4), (0, 1))
        } == reasons


async def test_a_cancellation_that_comes_first_waits(backend_url: str) -> None:
    """It is dead until its placement lands, then takes effect with it; its redelivery is a duplicate."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(stock=10))
        cancelled = new_id()
        assert DEAD == await stand.event("order.cancelled", order("A1", 4), event_id=cancelled)
        assert DEAD == await stand.event("order.cancelled", order("A1", 4))
        assert DEAD == await stand.event("order.cancelled", order("A2", 4))
        assert (200, False, "placed") == await stand.event("order.placed", order("A1", 4))
        assert 10 == await stock_of(stand.database)
        assert (200, True, "cancelled") == await stand.event("order.cancelled", order("A1", 4), event_id=cancelled)
        effects = sorted(row.effect for row in await inbox_of(stand.database) if row.type == "order.cancelled")
        assert ["cancelled", "none", "repeated"] == effects


async def test_a_gone_product_takes_back_and_gives_nothing(backend_url: str) -> None:
    """Of a deleted product nothing can be ordered until it is back; what was ordered before goes back to its stock."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(stock=10))
        await stand.event("order.placed", order("A1", 4))
        await stand.event("product.deleted", {"source": "partner", "external_id": "okra-1", "version": 2})
        assert DEAD == await stand.event("order.placed", order("A2", 1))
        assert (200, False, "cancelled") == await stand.event("order.cancelled", order("A1", 4))
        await stand.event("product.upserted", product(version=3))
        assert [9] == [row["stock"] for row in await stand.listed()]


async def test_placement_and_cancellation_at_once(backend_url: str) -> None:
    """However the two of one order meet, both have taken effect at the end."""
    async with webhook_service(backend_url) as stand:
        await stand.event("product.upserted", product(stock=1000))
        numbers = range(60)
        await asyncio.gather(
            *(
                stand.event_at_last(event_type, order(f"A{number}", 1 + number))
                for number in numbers
                for event_type in ("order.cancelled", "order.placed")
            )
        )
        assert 1000 == await stock_of(stand.database)
        effects = [row.effect for row in await inbox_of(stand.database)]
        assert (60, 60) == (effects.count("placed"), effects.count("cancelled"))
