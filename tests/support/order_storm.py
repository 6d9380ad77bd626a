"""Orders as a sender delivers them on a bad day: shuffled, twice, under new ids; and what is left of the stock."""

import random
from typing import Any, NamedTuple

from tests.support.webhook_sender import order

PRODUCTS = 5
STOCK = 1_000_000


class Sent(NamedTuple):
    """One delivery that the sender has to make."""

    event_id: str
    type: str
    data: dict[str, Any]


def storm(events: int, seed: int, *, prefix: str = "") -> tuple[list[Sent], dict[str, int]]:
    """`events` order events as deliveries in any order, and the stock of each product at the end, from STOCK on.

    prefix: of the orders and their events, which are others with another. A third of the orders are cancelled. A fifth
    of the events are delivered twice, a tenth a second time under a new id.
    """
    draw = random.Random(seed)
    stock = {f"okra-{number}": STOCK for number in range(PRODUCTS)}
    sent: list[Sent] = []
    for number in range(events * 3 // 4):
        data = order(f"{prefix}A{number}", draw.randint(1, 9), draw.choice(list(stock)))
        sent.append(Sent(f"{prefix}msg_placed_{number}", "order.placed", data))
        if number % 3 == 0:
            sent.append(Sent(f"{prefix}msg_cancelled_{number}", "order.cancelled", data))
        else:
            stock[data["external_id"]] -= data["quantity"]
    again = draw.sample(sent, len(sent) // 5)
    renamed = [one._replace(event_id=f"{one.event_id}_new") for one in draw.sample(sent, len(sent) // 10)]
    deliveries = sent + again + renamed
    draw.shuffle(deliveries)
    return deliveries, stock
