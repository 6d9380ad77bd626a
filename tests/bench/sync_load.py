"""A sync of the simulator's feed, and the plainest way to write the same rows, in one process on one connection."""

import time
from typing import Any, NamedTuple

import uvloop

from farmlokal.app.partner import partner_connection
from farmlokal.app.syncing import catalogue_sync
from farmlokal.app.webhooks import product_waker, webhook_receiver
from farmlokal.catalog.writing.indexes_last import indexes_last
from farmlokal.catalog.writing.rare_collections import collect_rarely
from farmlokal.database.interface import Database, Session
from farmlokal.settings import Settings
from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from farmlokal.telemetry import configure_logging
from farmlokal.webhooks.inbox import Inbox
from tests.bench.service_process import SECRET_KEY
from tests.support.service import open_database

_BATCH = 500
_COLUMNS = (
    "source, external_id, version, digest, live, name, name_key, category, price, unit, farm_id, farm_name, market,"
    " district, district_key, state, state_key, lat, lon, stock, organic, rating, cell, x, yz, name_id,"
    " derived_version, created_at, updated_at"
)


class Rates(NamedTuple):
    """Rows a second: a first full sync, the same again with every row unchanged, executemany of the same rows."""

    new: float
    unchanged: float
    executemany: float


def sync_rates(url: str, plain_url: str, partner_url: str, rows: int) -> Rates:
    """Sync `rows` of the partner into the empty database at `url`, then write what came of it to `plain_url`."""
    return uvloop.run(_rates(url, plain_url, partner_url, rows))


async def _rates(url: str, plain_url: str, partner_url: str, rows: int) -> Rates:
    configure_logging("console", "warning")
    collect_rarely()
    async with open_database(url, pool_size=2) as database, open_database(plain_url, pool_size=1) as plain:
        new, unchanged = [rows / await _sync(database, url, partner_url) for _ in range(2)]
        return Rates(new, unchanged, rows / await _executemany(database, plain, rows))


async def _sync(database: Database, url: str, partner_url: str) -> float:
    settings = Settings(
        _env_file=None,
        database_url=url,
        secret_key=SECRET_KEY,
        oauth_token_url=f"{partner_url}/oauth/token",
        oauth_client_id=CLIENT_ID,
        oauth_client_secret=CLIENT_SECRET,
        partner_url=partner_url,
    )
    partner = partner_connection(settings, None)
    try:
        started = time.perf_counter()
        wake = product_waker(webhook_receiver(database, Inbox(database), _nobody, source="partner"))
        # As `farmlokal sync` does it.
        async with indexes_last(database, large=True):
            await catalogue_sync(database, partner, source="partner", invalidate=_nobody, wake=wake).run(full=True)
        return time.perf_counter() - started
    finally:
        await partner.close()


async def _nobody(tags: frozenset[str], **_: object) -> None:
    """Told what a page touched."""


async def _executemany(database: Database, plain: Database, rows: int) -> float:
    farms = await database.fetch_unlimited("SELECT source, name_key, district_key, state_key, name, id FROM farms")
    products: list[list[Any]] = []
    while len(products) < rows:
        # Not all at once: a busy machine takes so long to read them that the pool gives the connection up.
        stored = await database.fetch_unlimited(
            f"SELECT {_COLUMNS} FROM products ORDER BY id LIMIT {_BATCH} OFFSET {len(products)}"
        )
        products += [[*row[:-2], *map(plain.dialect.time_in, row[-2:])] for row in stored]

    async def add_farms(session: Session) -> None:
        columns = "source, name_key, district_key, state_key, name, id"
        await session.execute_many(f"INSERT INTO farms ({columns}) VALUES (%s, %s, %s, %s, %s, %s)", farms)

    await plain.in_transaction(add_farms)
    statement = f"INSERT INTO products ({_COLUMNS}) VALUES ({', '.join(['%s'] * (_COLUMNS.count(',') + 1))})"
    started = time.perf_counter()
    for first in range(0, len(products), _BATCH):

        async def write(session: Session, first: int = first) -> None:
            await session.execute_many(statement, products[first : first + _BATCH])

        await plain.in_transaction(write)
    return time.perf_counter() - started
