"""`order.placed` and `order.cancelled`: stock falls by what was ordered and rises by the same, once each per order."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Annotated, Any, NamedTuple, Protocol

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from farmlokal.database.interface import Database, Session
from farmlokal.errors import InvalidRecord
from farmlokal.formats.text import accepted
from farmlokal.webhooks.events import EventResult, Part, Prepared, dead, faults_of, prepared
from farmlokal.webhooks.waiting import order_key, product_key

PLACED = "placed"
CANCELLED = "cancelled"
# The order's event came under another id before.
REPEATED = "repeated"

_QUANTITY_MAX = 2**31 - 1


class Stocks(Protocol):
    """Products whose rows are locked until the transaction ends."""

    def change(self, source: str, external_id: str, by: int) -> tuple[frozenset[str], str | None]:
        """Change the stock of a product by a number: decided now, and written by `write`.

        Returns the cache tags that it touches, and the reason where the stock is not changed, else None.
        """
        ...

    def write(self) -> None:
        """Have what has changed written before the COMMIT."""
        ...


LockStocks = Callable[[Session, Collection[tuple[str, str]]], Awaitable[Stocks]]
"""Locks the products (source, external_id) inside the caller's transaction."""


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


@dataclass(slots=True)
class Ledger:
    """What an order's events have done so far. external_id, quantity: of the placement, None before it took effect.

    stored: whether it has a row already.
    """

    external_id: str | None = None
    quantity: int | None = None
    placed: bool = False
    cancelled: bool = False
    stored: bool = False
    changed: bool = False


class Step(NamedTuple):
    """One event of an order: its placement, or its cancellation."""

    order: Order
    cancels: bool


class Orders:
    """Applies order events, each once per order. lock_stocks: locks what they change of the catalogue."""

    def __init__(self, database: Database, lock_stocks: LockStocks) -> None:
        self._dialect = database.dialect
        self._lock_stocks = lock_stocks
        self._replace = f"{_INSERT} {database.dialect.on_taken} " + ", ".join(
            f"{column} = {database.dialect.offered.format(column)}" for column in _COLUMNS
        )

    def prepare_placed(self, data: object) -> Prepared:
        """Returns what applies `order.placed` with `data`: an `events.Prepare`. Raises InvalidRecord."""
        order = _checked(data)
        return prepared(Part(self.apply_all, Step(order, cancels=False)), wakes=(order.key,))

    def prepare_cancelled(self, data: object) -> Prepared:
        """Returns what applies `order.cancelled` with `data`: an `events.Prepare`. Raises InvalidRecord."""
        order = _checked(data)
        # What one order gives back another may take.
        return prepared(Part(self.apply_all, Step(order, cancels=True)), wakes=(order.product_key,))

    async def apply_all(self, session: Session, steps: Sequence[Step]) -> list[EventResult]:
        """Apply `steps` in their order: an `events.ApplyAll`.

        Every transaction locks the orders that have a row, then the products, each in one order, so that no two of them
        wait for each other. The row of an order's first event is inserted with what came of it. Where another
        transaction has done the same meanwhile, its key is taken: then this one is run again, and finds it.
        """
        orders = [step.order for step in steps]
        ledgers = await self._lock(session, sorted({(order.source, order.order_id) for order in orders}))
        stocks = await self._lock_stocks(session, {(order.source, order.external_id) for order in orders})
        results = [
            (_cancel if step.cancels else _place)(step.order, ledgers[step.order.source, step.order.order_id], stocks)
            for step in steps
        ]
        stocks.write()
        changed = [(identity, ledger) for identity, ledger in ledgers.items() if ledger.changed]
        session.defer(_INSERT, [_row(*one) for one in changed if not one[1].stored])
        session.defer(self._replace, [_row(*one) for one in changed if one[1].stored])  # all by one statement
        return results

    async def _lock(self, session: Session, identities: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Ledger]:
        """Returns what is known of the orders; the rows that there are, locked until the transaction ends."""
        ledgers = {identity: Ledger() for identity in identities}
        for source, same in groupby(identities, key=itemgetter(0)):
            order_ids = [order_id for _, order_id in same]
            rows = await session.fetch_texts(
                "SELECT order_id, external_id, quantity, placed, cancelled FROM order_effects WHERE source = %s"
                f" AND order_id IN ({', '.join(['%s'] * len(order_ids))}){self._dialect.for_update}",
                (source, *order_ids),
            )
            ledgers |= {(source, order_id): ledger for order_id, ledger in map(_stored, rows)}
        return ledgers


_COLUMNS = ("external_id", "quantity", "placed", "cancelled")
_INSERT = f"INSERT INTO order_effects (source, order_id, {', '.join(_COLUMNS)}) VALUES (%s, %s, %s, %s, %s, %s)"


def _stored(row: Sequence[Any]) -> tuple[str, Ledger]:
    """An order's id, and what its row says."""
    order_id, external_id, quantity, placed, cancelled = row
    return order_id.decode(), Ledger(
        None if external_id is None else external_id.decode(),
        None if quantity is None else int(quantity),
        placed == b"1",
        cancelled == b"1",
        stored=True,
    )


def _row(identity: tuple[str, str], ledger: Ledger) -> tuple[object, ...]:
    return (*identity, ledger.external_id, ledger.quantity, int(ledger.placed), int(ledger.cancelled))


def _place(order: Order, ledger: Ledger, stocks: Stocks) -> EventResult:
    if ledger.placed:
        return _repeated(order, ledger)
    tags, refused = stocks.change(order.source, order.external_id, -order.quantity)
    if refused is not None:
        return dead(refused, waits_for=order.product_key)
    ledger.placed = ledger.changed = True
    ledger.external_id, ledger.quantity = order.external_id, order.quantity
    return EventResult(PLACED, tags)


def _cancel(order: Order, ledger: Ledger, stocks: Stocks) -> EventResult:
    if not ledger.placed:
        return dead(f"order {order.order_id} has not been placed yet", waits_for=order.key)
    if ledger.cancelled or not _same(order, ledger):
        return _repeated(order, ledger)
    tags, refused = stocks.change(order.source, order.external_id, order.quantity)
    if refused is not None:
        return dead(refused, waits_for=order.product_key)
    ledger.cancelled = ledger.changed = True
    return EventResult(CANCELLED, tags)


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
