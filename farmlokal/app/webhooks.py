"""Webhooks and catalogue put together: an event's effect in the inbox's transaction, neither knowing the other."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from farmlokal.catalog.wire import parse_deletion, parse_product, unknown_category
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome
from farmlokal.catalog.writing.stock import StockWriter
from farmlokal.catalog.writing.versions import Change, Identity
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database, Session
from farmlokal.database.touching import Invalidate
from farmlokal.partner.connection import PartnerConnection
from farmlokal.webhooks.events import EventResult, Part, Prepare, Prepared, dead, prepared
from farmlokal.webhooks.inbox import Inbox
from farmlokal.webhooks.orders import Orders
from farmlokal.webhooks.receive import Receiver
from farmlokal.webhooks.registration import PutJSON, Registrar, register
from farmlokal.webhooks.waiting import product_key

WakeProducts = Callable[[Collection[Identity] | None], Awaitable[None]]
"""Tries the events again that wait for one of the products, by source and external id, or with None for any."""

# What waits for more, as for those of a page of a feed, is looked for only where anything waits at all, which is rare.
_FEW_PRODUCTS = 10


def webhook_receiver(
    database: Database,
    inbox: Inbox,
    invalidate: Invalidate,
    *,
    source: str,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Receiver:
    """The receiver of the partner's events.

    source: of a product that does not name its own. now: the wall clock, injected by tests.
    """
    return Receiver(database, inbox, handlers(database, source=source, now=now), invalidate)


def webhook_registrar(partner: PartnerConnection, public_url: str | None) -> Registrar | None:
    """What registers our callback with the partner in the background; None where we do not know our own URL."""
    return Registrar(_put_json(partner), public_url) if public_url is not None else None


async def register_webhook(partner: PartnerConnection, public_url: str) -> str:
    """Register our callback with the partner now; its URL. Raises NotConfigured and PartnerError."""
    return await register(_put_json(partner), public_url)


def _put_json(partner: PartnerConnection) -> PutJSON:
    async def put_json(path: str, content: Any) -> Any:
        return await partner.client.put_json(path, content)  # .client raises NotConfigured

    return put_json


def handlers(
    database: Database, *, source: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Mapping[str, Prepare]:
    """What to do for each type of event that we know. source, now: as for webhook_receiver."""
    products = _Products(database)

    def prepare_upserted(data: object) -> Prepared:
        return products.prepared(parse_product(data, source=source, now=now()), unknown_category(data))

    def prepare_deleted(data: object) -> Prepared:
        return products.prepared(parse_deletion(data, source=source))

    orders = Orders(database, StockWriter(database).lock_in)
    return {
        "product.upserted": prepare_upserted,
        "product.deleted": prepare_deleted,
        "order.placed": orders.prepare_placed,
        "order.cancelled": orders.prepare_cancelled,
    }


def product_waker(receiver: Receiver) -> WakeProducts:
    """What wakes, after a COMMIT, the events that wait for the products that it wrote, however these came."""

    async def wake(products: Collection[Identity] | None) -> None:
        if products is not None and len(products) > _FEW_PRODUCTS and not await receiver.any_waiting():
            return
        await receiver.wake(None if products is None else [product_key(*identity) for identity in products])

    return wake


async def wake_waiting_events(database: Database, *, source: str) -> None:
    """Try every event again that waits, after a load of many products; the caller invalidates everything afterwards.

    source: as for webhook_receiver.
    """

    async def nothing(tags: frozenset[str], *, until: asyncio.Event | None = None) -> None:
        """The caller does."""

    await webhook_receiver(database, Inbox(database), nothing, source=source).wake(None)


class _Products:
    """Applies product events to the catalogue."""

    def __init__(self, database: Database) -> None:
        self._writer = ProductWriter(database)

    def prepared(self, change: Change, unknown: str | None = None) -> Prepared:
        wakes = (product_key(change.source, change.external_id),)
        return prepared(Part(self._apply_all, change), unknown_category=unknown, wakes=wakes)

    async def _apply_all(self, session: Session, changes: Sequence[Change]) -> list[EventResult]:
        """An `events.ApplyAll`. What is new is inserted, and so locked, in the order of its identities."""
        order = sorted(range(len(changes)), key=lambda at: (changes[at].source, changes[at].external_id))
        applied = await self._writer.apply_in(session, [changes[at] for at in order])
        of_place = dict(zip(order, applied, strict=True))
        return [_result(change, of_place[at]) for at, change in enumerate(changes)]


def _result(change: Change, applied: Applied) -> EventResult:
    if applied.outcome is WriteOutcome.REJECTED:
        # Of one version there are two contents; a newer one makes both outdated.
        key = product_key(change.source, change.external_id)
        return dead(applied.reason or applied.outcome, waits_for=key)
    return EventResult(applied.outcome, applied.tags)
