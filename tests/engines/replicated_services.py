"""Services that load listings from a replica, on one Redis, and what they show."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import pytest

from farmlokal.database.mysql_reader import MySQLReader
from farmlokal.database.mysql_replicated import ReplicatedMySQL
from farmlokal.web import keys
from tests.servers import DatabaseAccess
from tests.support.cache import epoch_of
from tests.support.products import PRODUCTS, product
from tests.support.raw_requests import Answer, ask, max_age_s
from tests.support.service import Service, fill, serving, settings_for
from tests.support.waiting import until
from tests.support.webhook_sender import SECRET, deliver
from tests.support.webhook_sender import product as event_product

CATEGORY = "honey"
_limits = count(1)
_versions = count(1)
# On a busy machine, too, and longer than a test.
_TTL_S = 600
_FILLED_AT_ONCE = 10_000


def new_page() -> str:
    """A page that nobody has asked for, with the product that `write` writes."""
    return f"/products?category={CATEGORY}&min_price=1&max_price={1000 + next(_limits)}"


def believe_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no replica asked how far it has come, as if it were good for everything."""
    monkeypatch.setattr(MySQLReader, "_is_to_be_asked", lambda *_: False)


async def fill_catalogue(server: DatabaseAccess, name: str = "farm", *, products: int = PRODUCTS) -> str:
    """Make a catalogue of so many products in a database that is there, and return its URL."""
    for first in range(1, products + 1, _FILLED_AT_ONCE):
        last = min(first + _FILLED_AT_ONCE - 1, products)
        await fill(server.url(name), [product(number) for number in range(first, last + 1)])
    return server.url(name)


@asynccontextmanager
async def two_services(writer_url: str, readers: list[str], redis_url: str) -> AsyncIterator[tuple[Service, Service]]:
    """Two of them. readers: the URLs of replicas, if any."""
    settings = settings_for(
        writer_url,
        database_readers=",".join(readers) or None,
        redis_url=redis_url,
        webhook_secrets=SECRET,
        cache_ttl_s=_TTL_S,
    )
    async with serving(settings) as first, serving(settings) as second:
        yield first, second


async def write(service: Service, *hearing: Service) -> int:
    """Have a product written, and wait until the other services have heard of it. Returns its stock from now on."""
    stock = next(_versions)
    heard = {other.port: epoch_of(other.app[keys.CACHE]) for other in hearing}
    data = event_product("tracked", stock, name="Tracked", category=CATEGORY, stock=stock)
    answer = await deliver(service.client, "product.upserted", data)
    assert 200 == answer.status, answer.content
    for other in hearing:
        await until(lambda other=other: epoch_of(other.app[keys.CACHE]) > heard[other.port])  # type: ignore[misc]
    return stock


def stock_in(answer: Answer) -> int:
    """The stock that an answer shows of the product that `write` writes."""
    assert 200 == answer.status, answer.body
    (stock,) = [row["stock"] for row in answer.json()["data"] if row["name"] == "Tracked"]
    assert isinstance(stock, int)
    return stock


def is_fresh(answer: Answer) -> bool:
    """Whether it is called fresh."""
    assert 200 == answer.status, answer.body
    return max_age_s(answer) > 0


async def until_readers_serve(*services: Service) -> None:
    """Wait until each of `services` loads from a reader: what is not known is learned behind the first loads."""
    for service in services:
        while not reads_of(service)["reader"]:
            assert is_fresh(await ask(service.port, new_page()))


def reads_of(service: Service) -> dict[str, int]:
    """How many statements of loads were answered where."""
    return dict(database_of(service).reads)


def database_of(service: Service) -> ReplicatedMySQL:
    """The database of a service."""
    database: Any = service.app[keys.LISTING]._store._database
    assert isinstance(database, ReplicatedMySQL)
    return database
