"""Webhooks with texts as they are written, with categories that nobody knows, and with times that have not come."""

from datetime import UTC, datetime, timedelta

import pytest

from farmlokal.app.webhooks import webhook_receiver
from farmlokal.errors import EventDead
from farmlokal.web import keys
from farmlokal.webhooks.inbox import Inbox
from tests.support.backends import on_every_backend
from tests.support.service import open_database
from tests.support.webhook_sender import body_of, deliver, new_id, order, product
from tests.webhooks.webhook_service import webhook_service

pytestmark = on_every_backend
NOW = datetime(2026, 11, 22, 10, 15, tzinfo=UTC)


async def test_joiners_and_odd_blanks_land(backend_url: str) -> None:
    """An event with either is done; its order finds the product whose id holds one."""
    async with webhook_service(backend_url) as stand:
        event = product("ok\u00a0ra\u200d", stock=5, name="সাদা\u00a0র\u200d\u09cdযাশন", farm="പാടം\u200c", unit="kg\u200c")
        assert (200, False, "created") == await stand.event("product.upserted", event)
        placed = order("A\u00a01", external_id="ok\u00a0ra\u200d")
        assert (200, False, "placed") == await stand.event("order.placed", placed)
        (row,) = await stand.listed()
        assert ("সাদা র\u200d\u09cdযাশন", "പാടം\u200c", 4) == (row["name"], row["farm"]["name"], row["stock"])


@pytest.mark.parametrize(
    ("name", "named"),
    [
        ("a\u202eb", "U+202E (RIGHT-TO-LEFT OVERRIDE, a bidirectional control)"),
        ("a\u0378b", "U+0378 (not assigned)"),
        ("a\u001bb", "U+001B (a control character)"),
    ],
)
async def test_what_is_refused_is_named(backend_url: str, name: str, named: str) -> None:
    """The event is dead, with the code point in the reason."""
    async with webhook_service(backend_url) as stand:
        answer = await deliver(stand.client, "product.upserted", product(name=name))
        assert 422 == answer.status
        assert f"name: must not hold {named}: letters," in answer.content["detail"]


async def test_an_unknown_category_is_told(backend_url: str) -> None:
    """First and again, the sender reads that `other` stands for what it said; known ones are not spoken of."""
    async with webhook_service(backend_url) as stand:
        event_id = new_id()
        for duplicate in (False, True):
            answer = await deliver(
                stand.client, "product.upserted", product(category=" Moon\u00a0rocks"), event_id=event_id
            )
            assert {
                "duplicate": duplicate,
                "effect": "created",
                "category": "other",
                "unknown_category": "Moon rocks",
            } == answer.content
        for version, known in enumerate(("FRUITS", "other", "milk\u200d"), start=2):
            answer = await deliver(stand.client, "product.upserted", product(version=version, category=known))
            assert {"duplicate": False, "effect": "updated"} == answer.content
        assert ["milk"] == [row["category"] for row in await stand.listed()]
        assert 1 == stand.service.app[keys.RECEIVER].unknown_categories


async def test_a_creation_that_has_not_come_is_refused_until_it_has(backend_url: str) -> None:
    """More than a day ahead is dead; the same event, replayed when its time is near, lands."""
    now = [NOW]

    async def nobody(tags: frozenset[str], **_: object) -> None:
        pass

    async with open_database(backend_url) as database:
        receiver = webhook_receiver(database, Inbox(database), nobody, source="partner", now=lambda: now[0])
        tomorrow = body_of("product.upserted", product("near", created_at="2026-11-23T10:15:00Z"))
        assert "created" == (await receiver.receive(new_id(), tomorrow)).effect
        event_id = new_id()
        later = body_of("product.upserted", product("far", created_at="2026-11-23T10:15:01Z"))
        with pytest.raises(EventDead, match="created_at: must not lie more than a day in the future, not '2026-11-23T"):
            await receiver.receive(event_id, later)
        now[0] += timedelta(seconds=1)
        result = await receiver.replay(event_id)
        assert result is not None
        assert (None, "created") == (result.dead, result.effect)
