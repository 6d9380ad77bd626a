"""The service behind the caches: what it was asked, and a writer that changes a price and writes down when."""

import asyncio
import time
from bisect import bisect_right
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from structlog.typing import EventDict

from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database
from farmlokal.errors import DatabaseUnavailable
from farmlokal.telemetry.short_hash import short_hash
from farmlokal.web import keys
from tests.support.log_lines import logged
from tests.support.products import catalogue, product
from tests.support.raw_requests import ask
from tests.support.service import Service, open_database, serving, settings_for

# Its first write, which is its price in paise: a page shows it first when it is sorted by name.
FIRST = 1001


class Truth:
    """When each price became true, by `time.monotonic`. Write n of the first product makes it n paise dear."""

    def __init__(self) -> None:
        self.committed_s: list[float] = []

    def late_s(self, shown: int, started_s: float) -> float:
        """How long before `started_s` something else than `shown` became true; 0 where nothing did."""
        missing = shown + 1 - FIRST
        if missing >= len(self.committed_s):
            return 0.0
        return max(0.0, started_s - self.committed_s[missing])

    def newest_at(self, moment_s: float) -> int:
        """The write that was the last one at a moment."""
        return FIRST - 1 + bisect_right(self.committed_s, moment_s)

    async def write(self, database: Database) -> None:
        """Change the price once, telling nobody: what is fresh then lives by its time alone."""
        number = FIRST + len(self.committed_s)
        await ProductWriter(database).apply([product(1)._replace(version=number, price_paise=number)])
        self.committed_s.append(time.monotonic())

    async def write_on(self, database: Database, every_s: float) -> None:
        """Change the price until cancelled."""
        while True:
            await self.write(database)
            await asyncio.sleep(every_s)


class Origin(NamedTuple):
    """The service, its database, what was true when, and its log."""

    service: Service
    database: Database
    truth: Truth
    log: list[EventDict]

    async def ask(self, target: str) -> None:
        """Ask for a page, as somebody without a cache."""
        await ask(self.service.port, target)

    async def go_away(self) -> None:
        """Accept no connection any more, and end those that there are."""
        for site in list(self.service.runner.sites):
            await site.stop()
        server = self.service.runner.server
        assert server is not None
        await server.shutdown(0)

    def key_of(self, target: str) -> str:
        """By which the log names the page at `target`."""
        return short_hash(self.service.app[keys.QUESTIONS].parse(target.partition("?")[2]).question.key)

    def statuses(self, target: str) -> list[int]:
        """The status of each answer that the service gave for the page at `target` so far."""
        key = self.key_of(target)
        return [event["status"] for event in self.log if event["event"] == "answered" and event.get("key") == key]


def lose_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no page can be loaded: what the service has no copy of is a 503."""

    async def fails(*_: object) -> None:
        raise DatabaseUnavailable("the database is away")

    monkeypatch.setattr(ProductStore, "page", fails)


@asynccontextmanager
async def origin(folder: Path, **settings: Any) -> AsyncIterator[Origin]:
    """The service over the tests' small catalogue, with a first write done."""
    url = await catalogue(folder)
    truth = Truth()
    with logged() as log:
        async with open_database(url) as database, serving(settings_for(url, access_log="on", **settings)) as service:
            await truth.write(database)
            yield Origin(service, database, truth, log)
