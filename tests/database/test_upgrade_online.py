"""An upgrade of a big catalogue while the release before serves and writes: no request fails or waits for long."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count

import pytest

from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.database.migrations import MIGRATIONS
from farmlokal.database.migrations.runner import BATCH_ROWS
from farmlokal.database.schema import contract_schema, create_schema
from tests.database.upgrading import ALL_BATCHES, MADE_UP, OLD_INDEX
from tests.support.backends import database_on, on_every_server
from tests.support.big_catalogue import fill_big_catalogue
from tests.support.service import Service, open_database, serving, settings_for
from tests.support.webhook_sender import SECRET, deliver, product

pytestmark = [pytest.mark.proof, pytest.mark.alone, pytest.mark.timeout(900)]

PRODUCTS = 1_000_000
# A miss of a busy machine, and the moment in which a change waits for the table, are a small part of the upgrade: who
# waits for a change of a big table to end waits for a large one.
SLOWEST_MAX_SHARE = 0.1
ALL = (*MIGRATIONS, MADE_UP)


class Asking:
    """Requests one after another, each another question or event, and what went wrong with them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._numbers = count(1)
        self.failed: list[str] = []
        self.answers = 0
        self.slowest_s = 0.0

    async def read(self) -> None:
        """Ask for pages that nobody asked for before, until cancelled."""
        while True:
            number = next(self._numbers)
            target = f"/products?sort=price&min_price={number % 500}.{number % 100:02d}&max_price={500 + number}"
            began_s = time.monotonic()
            async with self._service.client.get(target) as response:
                self._note(target, response.status, began_s, await response.text())

    async def write(self) -> None:
        """Send events that make and change products, until cancelled."""
        while True:
            number = next(self._numbers)
            began_s = time.monotonic()
            data = product(f"okra-{number % 50}", number)
            answer = await deliver(self._service.client, "product.upserted", data)
            self._note("webhook", answer.status, began_s, str(answer.content))

    def _note(self, what: str, status: int, began_s: float, said: str) -> None:
        self.answers += 1
        self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
        if status != 200:
            self.failed.append(f"{what}: {status} {said}")


@on_every_server
async def test_a_million_rows_are_upgraded_while_the_release_before_serves(backend_url: str) -> None:
    """A column, its content and an index come, an old index goes: every request is answered, every row is right."""
    address = parse_address(backend_url)
    assert isinstance(address, MySQLAddress)
    async with open_database(backend_url) as database:
        await database.run_script([OLD_INDEX])
        await fill_big_catalogue(database, address, PRODUCTS)
    # A disk that is kept busy makes a query wait; how long is judged below, and not by the limit of a query.
    settings = settings_for(backend_url, webhook_secrets=SECRET, statement_limit_ms=60_000)
    async with serving(settings) as service, database_on(backend_url) as database:
        asking = Asking(service)
        clients = [asyncio.create_task(work()) for work in (asking.read, asking.read, asking.write)]
        shown: list[int] = []

        @contextmanager
        def show(_name: str, _total: int) -> Iterator[Callable[[int], None]]:
            yield shown.append

        began_s = time.monotonic()
        try:
            await create_schema(database, show, ALL, batches=ALL_BATCHES)
            await contract_schema(database, show, ALL, batches=ALL_BATCHES)
        finally:
            lasted_s = time.monotonic() - began_s
            for client in clients:
                client.cancel()
                with suppress(asyncio.CancelledError):
                    await client
        wrong = await database.fetch_unlimited(
            "SELECT COUNT(*) FROM products WHERE source = 'seed' AND NOT doubled <=> 2 * version"
        )
    assert [] == asking.failed
    assert asking.answers > 100
    assert asking.slowest_s < SLOWEST_MAX_SHARE * lasted_s
    assert len(shown) > PRODUCTS / BATCH_ROWS
    assert [(0,)] == wrong
