"""The reference of the listing's figures: twenty rows by primary key, by the service's driver and without a service."""

import asyncio
import random
import time
from collections.abc import Sequence
from typing import Any

import aiomysql
import uvloop
from pymysql.constants import FIELD_TYPE
from pymysql.converters import conversions

from farmlokal.database.address import MySQLAddress
from tests.bench.samples import Sample, sample_of

ROWS = 20
_STATEMENT = (
    "SELECT id, name, category, price, unit, farm_id, farm_name, market, district, state, lat, lon, stock, organic,"
    f" rating, created_at, updated_at FROM products WHERE id IN ({', '.join(['%s'] * ROWS)})"
)
# As the service reads them, which is faster than the driver's Decimal and datetime.
_PLAIN_TEXT = {FIELD_TYPE.DECIMAL: str, FIELD_TYPE.NEWDECIMAL: str, FIELD_TYPE.DATETIME: str}


def fetch_rows(address: MySQLAddress, ids: Sequence[int], *, connections: int, seconds: float) -> Sample:
    """Fetch 20 rows of those with `ids` at a time, from all connections for so many seconds."""
    return uvloop.run(_run(address, ids, connections, seconds))


async def _run(address: MySQLAddress, ids: Sequence[int], connections: int, seconds: float) -> Sample:
    opened = await asyncio.gather(*(connect(address) for _ in range(connections)))
    started = time.perf_counter()
    times_s: list[float] = []
    await asyncio.gather(*(_fetch(connection, ids, started + seconds, times_s) for connection in opened))
    elapsed_s = time.perf_counter() - started
    for connection in opened:
        connection.close()
    return sample_of(times_s, elapsed_s)


async def connect(address: MySQLAddress) -> Any:
    """A connection of the driver's own."""
    return await aiomysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        db=address.database,
        charset="utf8mb4",
        autocommit=True,
        conv=conversions | _PLAIN_TEXT,
    )


async def _fetch(connection: Any, ids: Sequence[int], deadline: float, times_s: list[float]) -> None:
    draw = random.Random()
    cursor = await connection.cursor()
    while (began := time.perf_counter()) < deadline:
        await cursor.execute(_STATEMENT, draw.sample(ids, ROWS))
        await cursor.fetchall()
        times_s.append(time.perf_counter() - began)
