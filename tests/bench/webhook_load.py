"""Signed events as fast as the service takes them, and plain transactions as fast as the driver makes them."""

import asyncio
import time
from collections.abc import Iterator
from itertools import count

import orjson
import uvloop

from farmlokal.database.address import MySQLAddress
from farmlokal.database.interface import Session
from farmlokal.database.mysql import MySQLDatabase
from farmlokal.formats.webhook_secrets import key_of
from farmlokal.webhooks.signature import sign
from tests.bench.http_load import run_requests
from tests.bench.samples import Sample, sample_of

SECRET = "whsec_YSBzZWNyZXQgdGhhdCBvbmx5IHRoZSBiZW5jaG1hcmsga25vd3M="
POOL = 10
_CONNECTIONS = 32
# So many products share the orders: they would not all wait for one row.
PRODUCTS = 1_000
# Events that take turns, so that duplicates do not all wait for one row; and time enough to deliver each once.
_DUPLICATES = 100
_FIRST_SECONDS = 2.0


def deliver(port: int, kind: str, round_number: int, expected: int, *, seconds: float) -> Sample:
    """Deliver orders: `new` ones, `duplicate` ones again and again, or `rejected` ones, which are signed wrongly."""
    requests = _requests(kind, f"{kind}_{round_number}_{time.time_ns()}")
    return run_requests(port, requests, connections=_CONNECTIONS, seconds=seconds, expected=expected)


def deliver_first(port: int) -> None:
    """Deliver what will be duplicates then."""
    run_requests(port, _requests("duplicate", ""), connections=1, seconds=_FIRST_SECONDS)


def _requests(kind: str, run: str) -> Iterator[bytes]:
    key = key_of(SECRET)
    for number in count():
        which = number % _DUPLICATES if kind == "duplicate" else number
        event_id = f"msg_again_{which}" if kind == "duplicate" else f"msg_{run}_{number}"
        order = {"order_id": event_id, "source": "seed", "external_id": str(1 + which % PRODUCTS), "quantity": 1}
        body = orjson.dumps({"type": "order.placed", "timestamp": "2026-11-22T10:15:00Z", "data": order})
        now_s = int(time.time())
        signature = sign(key, event_id, now_s, body if kind != "rejected" else b"")
        yield (
            f"POST /external/webhook HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n"
            f"webhook-id: {event_id}\r\nwebhook-timestamp: {now_s}\r\nwebhook-signature: {signature}\r\n\r\n"
        ).encode() + body


def insert_and_update(address: MySQLAddress, *, seconds: float) -> tuple[Sample, float]:
    """Transactions of one INSERT and one UPDATE, from as many callers as there are connections to the service.

    Returns with the sample the seconds of processor time that our side of them took.
    """
    began_s = time.process_time()
    sample = uvloop.run(_insert_and_update(address, seconds))
    return sample, time.process_time() - began_s


async def _insert_and_update(address: MySQLAddress, seconds: float) -> Sample:
    database = MySQLDatabase(address, pool_size=POOL, statement_limit_ms=60_000)
    times_s: list[float] = []
    numbers = count()
    run = time.time_ns()
    started = time.perf_counter()

    async def caller() -> None:
        while (began := time.perf_counter()) < started + seconds:
            number = next(numbers)

            async def work(session: Session, number: int = number) -> None:
                await session.execute("INSERT INTO bench_events (id) VALUES (%s)", (f"{run}_{number}",))
                await session.execute(
                    "UPDATE products SET stock = stock + 1 WHERE source = 'seed' AND external_id = %s",
                    (str(1 + number % PRODUCTS),),
                )

            await database.in_transaction(work)
            times_s.append(time.perf_counter() - began)

    try:
        await database.run_script(["CREATE TABLE IF NOT EXISTS bench_events (id VARCHAR(64) NOT NULL PRIMARY KEY)"])
        started = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(_CONNECTIONS)))
        elapsed_s = time.perf_counter() - started
    finally:
        await database.close()
    return sample_of(times_s, elapsed_s)
