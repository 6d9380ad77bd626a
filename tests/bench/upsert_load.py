"""Writes at a steady rate, as a feed brings them: small batches of new versions of products that are there."""

import asyncio
import random
import time

import uvloop

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.address import MySQLAddress
from farmlokal.database.mysql import MySQLDatabase

_BATCH = 25


def upsert(address: MySQLAddress, products: int, *, rate: float, seconds: float) -> float:
    """Bring new versions of random ones of seed products 1 to `products`, `rate` a second; how many a second it was."""
    return uvloop.run(_run(address, products, rate, seconds))


async def _run(address: MySQLAddress, products: int, rate: float, seconds: float) -> float:
    database = MySQLDatabase(address, pool_size=1, statement_limit_ms=60_000)
    writer = ProductWriter(database)
    draw = random.Random()
    written = 0
    started = time.perf_counter()
    try:
        while (elapsed_s := time.perf_counter() - started) < seconds:
            await writer.apply([changed(draw, products) for _ in range(_BATCH)])
            written += _BATCH
            await asyncio.sleep(started + written / rate - time.perf_counter())
    finally:
        await database.close()
    return written / elapsed_s


def changed(draw: random.Random, products: int) -> ProductRecord:
    """A new version of one of seed products 1 to `products`."""
    (record,) = generate(draw.randint(1, products), 1)
    # What changes from day to day: price and stock.
    return record._replace(
        version=time.time_ns(), price_paise=record.price_paise + draw.randint(1, 99), stock=draw.randint(0, 500)
    )
