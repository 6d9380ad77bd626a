"""What the tests of the HTTP side share: a small catalogue, requests as raw bytes, and a store that can be watched."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import structlog
from aiohttp import web
from multidict import CIMultiDict
from structlog.testing import capture_logs
from structlog.typing import EventDict

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.reading.rendering import ShownRow
from farmlokal.catalog.reading.store import ProductStore
from farmlokal.catalog.records import ProductRecord
from farmlokal.web import keys
from tests.service import fill, sqlite_url

PRODUCTS = 65
_ANSWER_WAIT_MAX_S = 20
_PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance"}


def product(number: int) -> ProductRecord:
    """Product `number` of the tests' catalogue: categories, districts and prices take turns."""
    return ProductRecord(
        source="test",
        external_id=str(number),
        version=1,
        name=f"Crop {number:03d}",
        category=CATEGORIES[number % len(CATEGORIES)],
        price_paise=100 * (number % 7) + 50,
        unit="kg",
        farm=f"Farm {number % 5}",
        district=("Pune", "Nashik", "Solan")[number % 3],
        state=("Maharashtra", "Himachal Pradesh")[number % 2],
        stock=number % 4,
        organic=number % 2 == 0,
        rating=(number % 50) / 10,
        created_at=f"2026-11-{1 + number % 20:02d}T10:15:00Z",
    )


async def catalogue(folder: Path) -> str:
    """The URL of an SQLite catalogue of PRODUCTS products in `folder`."""
    url = sqlite_url(folder)
    await fill(url, [product(number) for number in range(1, PRODUCTS + 1)])
    return url


class Answer(NamedTuple):
    """A response as it came over the wire."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    def json(self) -> Any:
        """The decoded body."""
        return orjson.loads(self.body)


async def exchange(port: int, sent: bytes) -> Answer:
    """What the service answers to `sent`, up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        await writer.drain()
        async with asyncio.timeout(_ANSWER_WAIT_MAX_S):
            received = await reader.read()
    finally:
        writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = CIMultiDict((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return Answer(int(status_line.split()[1]), headers, body)


async def ask(port: int, target: str | bytes, *, method: str = "GET", headers: str = "") -> Answer:
    """The answer to one request for exactly `target`, which no client has repaired. headers: whole lines."""
    raw = target if isinstance(target, bytes) else target.encode()
    fields = f"Host: test\r\nConnection: close\r\n{headers}\r\n".encode()
    return await exchange(port, b"%b %b HTTP/1.1\r\n%b" % (method.encode(), raw, fields))


def problem(answer: Answer, status: int, name: str) -> dict[str, Any]:
    """The problem details in `answer`, after a check that they have the one shape that all have."""
    assert status == answer.status, answer.body
    assert "application/problem+json" == answer.headers["Content-Type"]
    assert "no-store" == answer.headers["Cache-Control"]
    content: dict[str, Any] = answer.json()
    expected = _PROBLEM_FIELDS | ({"errors"} if name == "invalid-parameter" else set())
    assert expected == content.keys()
    assert (f"/problems/{name}", status) == (content["type"], content["status"])
    assert answer.headers["X-Request-ID"] == content["instance"]
    return content


class WatchedStore(ProductStore):
    """The real store with a watcher before it: counts what it is asked, waits at a gate, and fails when told."""

    questions = 0
    fault: Exception | None = None
    gate: asyncio.Event | None = None

    async def page(self, query: ListingQuery) -> list[ShownRow]:
        """See ProductStore.page."""
        self.questions += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.fault is not None:
            raise self.fault
        return await super().page(query)


def watch_store(app: web.Application) -> WatchedStore:
    """Put a watcher before the store of a running application."""
    listing = app[keys.LISTING]
    watched = WatchedStore(listing._store._database)
    listing._store = watched
    return watched


@contextmanager
def logged() -> Iterator[list[EventDict]]:
    """Our own log lines inside the block, each as its fields."""
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as events:
        yield events


def at_level(events: list[EventDict], *levels: str) -> list[EventDict]:
    """The lines of `events` that have one of `levels`."""
    return [event for event in events if event["log_level"] in levels]
