"""The events of a shop that sells a few products of its own, in the wire format of `POST /external/webhook`."""

import json
import random
import secrets
import time
from datetime import UTC, datetime
from typing import Any, NamedTuple

_SOURCE = "loadtest"
_PRODUCTS = 5
# Never sold out, however long the test.
_STOCK = 1_000_000
_QUANTITY_MAX = 3
_CANCELLED_SHARE = 0.3
_ORDER_SHARE = 0.7


class Event(NamedTuple):
    """One event, and the effect that its first delivery must have."""

    event_id: str
    body: str
    effect: str


class Shop:
    """Makes events that are right at the moment when they are made, if all before them were delivered."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        # Two load tests on one service must not sell each other's products.
        self._run = secrets.token_hex(4)
        self._orders: list[dict[str, Any]] = []
        self._number = 0

    def __repr__(self) -> str:
        return f"<Shop {self._run} events={self._number} open={len(self._orders)}>"

    def opening(self) -> list[Event]:
        """Offer every product."""
        return [self._offer(product, "created") for product in range(_PRODUCTS)]

    def next(self) -> Event:
        """Most often an order or its cancellation, else a new price."""
        if self._rng.random() >= _ORDER_SHARE:
            return self._offer(self._rng.randrange(_PRODUCTS), "updated")
        if self._orders and self._rng.random() < _CANCELLED_SHARE:
            return self._event("order.cancelled", self._orders.pop(0), "cancelled")
        order = {
            "order_id": f"{self._run}-{self._number}",
            **self._identity(self._rng.randrange(_PRODUCTS)),
            "quantity": self._rng.randint(1, _QUANTITY_MAX),
        }
        self._orders.append(order)
        return self._event("order.placed", order, "placed")

    def closing(self) -> list[Event]:
        """Take every product away again."""
        return [
            self._event("product.deleted", {**self._identity(product), "version": _version()}, "deleted")
            for product in range(_PRODUCTS)
        ]

    def _offer(self, product: int, effect: str) -> Event:
        data = {
            **self._identity(product),
            "version": _version(),
            "name": f"Load test mango {product}",
            "category": "fruits",
            "price": f"{self._rng.randint(20, 200)}.00",
            "unit": "kg",
            "stock": _STOCK,
        }
        return self._event("product.upserted", data, effect)

    def _identity(self, product: int) -> dict[str, Any]:
        return {"source": _SOURCE, "external_id": f"{self._run}-{product}"}

    def _event(self, kind: str, data: dict[str, Any], effect: str) -> Event:
        self._number += 1
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = json.dumps({"type": kind, "timestamp": moment, "data": data})
        return Event(f"msg_loadtest_{self._run}_{self._number}", body, effect)


def _version() -> int:
    """Grows with the wall clock, so that it does from one load test to the next."""
    return time.time_ns() // 1000
