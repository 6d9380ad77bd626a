"""Webhooks and catalogue put together: an event's effect in the inbox's transaction, neither knowing the other."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from farmlokal.catalog.wire import parse_deletion, parse_product, unknown_category
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.stock import StockWriter
from farmlokal.catalog.writing.versions import Change
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database, Session
from farmlokal.database.touching import Invalidate
from farmlokal.partner.connection import PartnerConnection
from farmlokal.webhooks.events import Apply, EventResult, Prepare, Prepared, dead
from farmlokal.webhooks.inbox import Inbox
from farmlokal.webhooks.orders import Orders
from farmlokal.webhooks.receive import Receiver
from farmlokal.webhooks.registration import PutJSON, Registrar, register


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
    products = ProductWriter(database)

    def prepare_upserted(data: object) -> Prepared:
        return Prepared(_apply(products, parse_product(data, source=source, now=now())), unknown_category(data))

    def prepare_deleted(data: object) -> Prepared:
        return Prepared(_apply(products, parse_deletion(data, source=source)))

    orders = Orders(database, StockWriter(database).change_in)
    return {
        "product.upserted": prepare_upserted,
        "product.deleted": prepare_deleted,
        "order.placed": orders.prepare_placed,
        "order.cancelled": orders.prepare_cancelled,
    }


def _apply(products: ProductWriter, change: Change) -> Apply:
    async def apply(session: Session) -> EventResult:
        (applied,) = await products.apply_in(session, [change])
        if applied.outcome is WriteOutcome.REJECTED:
            return dead(applied.reason or applied.outcome)
        return EventResult(applied.outcome, applied.tags)

    return apply
