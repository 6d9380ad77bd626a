"""A process of the storm: `python -m tests.catalog.changes.storm_process URL write SEED` or `… URL number`.

It goes on until it is killed. A writer prints how many writes each of its transactions has committed. Some of these are
rolled back, and some wait between their writes and their COMMIT, so that others commit before them who began later.
"""

import asyncio
import random
import sys
import time
from contextlib import suppress

from farmlokal.catalog.changes.sequencer import Sequencer
from farmlokal.catalog.writing.stock import StockWriter
from farmlokal.catalog.writing.versions import Change
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.interface import Database, Session
from farmlokal.errors import Unavailable
from farmlokal.telemetry import configure_logging
from tests.catalog.upserting import deletion, record

PRODUCTS = 2000
_BATCH_MAX = 40
_LATE_SHARE = 0.1
_LATE_MAX_S = 0.6
_UNDONE_SHARE = 0.05


class Undone(Exception):
    """The transaction is to be rolled back."""


class Writer:
    """Random writes to random products, by one seed."""

    def __init__(self, database: Database, seed: int) -> None:
        self._database = database
        self._draw = random.Random(seed)
        self._writer = ProductWriter(database)
        self._stock = StockWriter(database)

    async def batch(self) -> int:
        """One transaction. Returns how many writes of it are committed."""
        numbers = sorted(self._draw.sample(range(PRODUCTS), self._draw.randint(1, _BATCH_MAX)))
        late_s = self._draw.uniform(0, _LATE_MAX_S) if self._draw.random() < _LATE_SHARE else 0.0
        undone = self._draw.random() < _UNDONE_SHARE
        orders = self._draw.random() < 0.2
        changes = [self._change(number) for number in numbers]

        async def work(session: Session) -> None:
            if orders:
                stocks = await self._stock.lock_in(session, {("feed", str(number)) for number in numbers})
                for number in numbers:
                    stocks.change("feed", str(number), -1)
                stocks.write()
            else:
                await self._writer.apply_in(session, changes)
            await asyncio.sleep(late_s)
            if undone:
                raise Undone

        with suppress(Undone, Unavailable):
            await self._database.in_transaction(work)
            return len(numbers)
        return 0

    def _change(self, number: int) -> Change:
        version = time.time_ns()
        if self._draw.random() < 0.2:
            return deletion(str(number), version)
        price, stock = self._draw.randint(1, 10_000), self._draw.randint(0, 50)
        return record(str(number), version, name=f"Crop {number % 7}", price_paise=price, stock=stock)


async def write(database: Database, seed: int) -> None:
    """Write for ever, and print how many writes each transaction has committed."""
    writer = Writer(database, seed)
    while True:
        sys.stdout.write(f"{await writer.batch()}\n")
        sys.stdout.flush()


async def main(url: str, task: str, seed: str = "") -> None:
    """Do one of the two."""
    configure_logging("json")  # standard output has the numbers
    database = database_at(parse_address(url), pool_size=2, statement_limit_ms=10_000)
    try:
        await (write(database, int(seed)) if task == "write" else Sequencer(database).keep())
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
