"""`order.placed` and `order.cancelled`: stock falls by what was ordered and rises by the same, once each per order."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from farmlokal.database.interface import Database, Session
from farmlokal.errors import InvalidRecord
from farmlokal.formats.text import accepted
from farmlokal.webhooks.events import EventResult, Prepared, dead, faults_of
from farmlokal.webhooks.waiting import order_key, product_key

PLACED = "placed"
CANCELLED = "cancelled"
# The order's event came under another id before.
REPEATED = "repeated"

_QUANTITY_MAX = 2**31 - 1


ChangeStock = Callable[[Session, str, str, int], Awaitable[tuple[frozenset[str], str | None]]]
"""Changes the stock of the product (source, external_id) by a number, inside the caller's transaction.

Returns the cache tags that it touched, and the reason where the stock was not changed, else None."""


def _accepted(value: Any) -> Any:
    return accepted(value) if isinstance(value, str) else value


_Text = BeforeValidator(_accepted)


class Order(BaseModel):
    """The data of an order event."""

    # Strict: "1", 1.0 and true are no quantities.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    order_id: Annotated[str, Field(min_length=1, max_length=100), _Text]
    source: Annotated[str, Field(min_length=1, max_length=32), _Text]
    external_id: Annotated[str, Field(min_length=1, max_length=191), _Text]
    quantity: Annotated[int, Field(ge=1, le=_QUANTITY_MAX)]

    @property
    def key(self) -> str:
        """The key that a cancellation waits for until the order is placed."""
        return order_key(self.source, self.order_id)

    @property
    def product_key(self) -> str:
        """The key that the order waits for while its product is not there, or has too little stock."""
        return product_key(self.source, self.external_id)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What an order's events have done so far. external_id, quantity: of the placement, None before it took effect."""

    external_id: str | None
    quantity: int | None
    placed: bool
    cancelled: bool


class Orders:
    """Applies order events, each once per order. change_stock: changes the catalogue."""

    def __init__(self, database: Database, change_stock: ChangeStock) -> None:
        self._dialect = database.dialect
        self._change_stock = change_stock

    def prepare_placed(self, data: object) -> Prepared:
        """Returns what applies `order.placed` with `data`: an `events.Prepare`. Raises InvalidRecord."""
        order = _checked(data)

        async def apply(session: Session) -> EventResult:
            return await self._place(session, order)

        return Prepared(apply, wakes=(order.key,))

    def prepare_cancelled(self, data: object) -> Prepared:
        """Returns what applies `order.cancelled` with `data`: an `events.Prepare`. Raises InvalidRecord."""
        order = _checked(data)

        async def apply(session: Session) -> EventResult:
            return await self._cancel(session, order)

        # What one order gives back another may take.
        return Prepared(apply, wakes=(order.product_key,))

    async def _place(self, session: Session, order: Order) -> EventResult:
        ledger = await self._lock(session, order)
        if ledger.placed:
            return _repeated(order, ledger)
        tags, refused = await self._change_stock(session, order.source, order.external_id, -order.quantity)
        if refused is not None:
            return dead(refused, waits_for=order.product_key)
        await session.execute(
            "UPDATE order_effects SET placed = 1, external_id = %s, quantity = %s WHERE source = %s AND order_id = %s",
            (order.external_id, order.quantity, order.source, order.order_id),
        )
        return EventResult(PLACED, tags)

    async def _cancel(self, session: Session, order: Order) -> EventResult:
        ledger = await self._lock(session, order)
        if not ledger.placed:
            return dead(f"order {order.order_id} has not been placed yet", waits_for=order.key)
        if ledger.cancelled or not _same(order, ledger):
            return _repeated(order, ledger)
        tags, refused = await self._change_stock(session, order.source, order.external_id, order.quantity)
        if refused is not None:
            return dead(refused, waits_for=order.product_key)
        await session.execute(
            "UPDATE order_effects SET cancelled = 1 WHERE source = %s AND order_id = %s",
            (order.source, order.order_id),
        )
        return EventResult(CANCELLED, tags)

    async def _lock(self, session: Session, order: Order) -> Ledger:
        """Returns the order's row, made by its first event, and locked until the transaction ends.

        Every event locks its own inbox row, then its order, then the product: in one order, so that no two of them
        wait for each other.
        """
        await session.execute(
            "INSERT INTO order_effects (source, order_id) VALUES (%s, %s)"
            f" {self._dialect.on_taken} source = order_effects.source",
            (order.source, order.order_id),
        )
        rows = await session.fetch(
            "SELECT external_id, quantity, placed, cancelled FROM order_effects"
            f" WHERE source = %s AND order_id = %s{self._dialect.for_update}",
            (order.source, order.order_id),
        )
        external_id, quantity, placed, cancelled = rows[0]
        return Ledger(external_id, quantity, bool(placed), bool(cancelled))


def _same(order: Order, ledger: Ledger) -> bool:
    return (order.external_id, order.quantity) == (ledger.external_id, ledger.quantity)


def _repeated(order: Order, ledger: Ledger) -> EventResult:
    if _same(order, ledger):
        return EventResult(REPEATED)
    return dead(f"order {order.order_id} was placed as {ledger.quantity} of {ledger.external_id}")


def _checked(data: object) -> Order:
    try:
        return Order.model_validate(data)
    except ValidationError as error:
        raise InvalidRecord(faults_of(error)) from error
