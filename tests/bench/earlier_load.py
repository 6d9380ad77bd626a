"""Writes to a catalogue as fast as one connection takes them, by the writer of today or as it was before."""

import random
import time
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from statistics import median

import uvloop

from farmlokal.catalog.seed.fill import fill
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.name_counts import count_names
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.address import MySQLAddress
from farmlokal.database.interface import Database
from farmlokal.database.mysql import MySQLDatabase
from tests.bench.earlier_schema import earlier_writer
from tests.bench.upsert_load import changed

_BATCH = 25


def load_s(address: MySQLAddress, rows: int, *, earlier: bool) -> float:
    """How many seconds the seed products 1 to `rows` take into an empty catalogue, its statistics included."""

    async def load(database: Database) -> float:
        started = time.perf_counter()
        await fill(ProductWriter(database, farms=KnownFarms(database)), range(1, rows + 1), lambda _: None)
        await database.run_script(["ANALYZE TABLE products, farms"])
        if not earlier:
            await count_names(database)
        return time.perf_counter() - started

    return _run(address, load, earlier=earlier)


def upsert_s(address: MySQLAddress, rows: int, *, earlier: bool, seconds: float, seed: int) -> float:
    """How many seconds a new version of one of `rows` products takes: the median of batches of 25."""

    async def upsert(database: Database) -> float:
        draw, writer, times_s = random.Random(seed), ProductWriter(database), list[float]()
        while sum(times_s) < seconds:
            batch = [changed(draw, rows) for _ in range(_BATCH)]
            started = time.perf_counter()
            await writer.apply(batch)
            times_s.append(time.perf_counter() - started)
        return median(times_s) / _BATCH

    return _run(address, upsert, earlier=earlier)


def _run(address: MySQLAddress, work: Callable[[Database], Awaitable[float]], *, earlier: bool) -> float:
    async def run() -> float:
        database = MySQLDatabase(address, pool_size=1, statement_limit_ms=60_000)
        try:
            return await work(database)
        finally:
            await database.close()

    with earlier_writer() if earlier else nullcontext():
        return uvloop.run(run())
