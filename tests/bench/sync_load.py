"""A sync of the simulator's feed, and the plainest way to write the same rows, in one process on one connection."""

import time
from collections.abc import Awaitable, Callable
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
from tests.bench.processor_time import Cost, processor_s
from tests.bench.service_process import SECRET_KEY
from tests.support.service import open_database

_BATCH = 500
_COLUMNS = (
    "source, external_id, version, digest, live, name, name_key, category, price, unit, farm_id, farm_name, market,"
    " district, district_key, state, state_key, lat, lon, stock, organic, rating, cell, x, yz, name_id,"
    " derived_version, image_url, description, brand, created_at, updated_at"
)


class Costs(NamedTuple):
    """What a first full sync took, the same again with every row unchanged, and executemany of the same rows."""

    new: Cost
    unchanged: Cost
    executemany: Cost


def sync_costs(url: str, plain_url: str, partner_url: str, rows: int, server_pid: int | None) -> Costs:
    """Sync `rows` of the partner into the empty database at `url`, then write what came of it to `plain_url`.

    server_pid: the database server's process, whose processor time counts, too; None where it is not ours.
    """
    return uvloop.run(_costs(url, plain_url, partner_url, rows, server_pid))


async def _costs(url: str, plain_url: str, partner_url: str, rows: int, server_pid: int | None) -> Costs:
    configure_logging("console", "warning")
    collect_rarely()
    async with open_database(url, pool_size=3) as database, open_database(plain_url, pool_size=1) as plain:

        async def sync() -> None:
            await _sync(database, url, partner_url)

        new, unchanged = [await _cost(sync, server_pid) for _ in range(2)]
        executemany = await _finished_rows(database, plain, rows)
        return Costs(new, unchanged, await _cost(executemany, server_pid))


async def _cost(work: Callable[[], Awaitable[None]], server_pid: int | None) -> Cost:
    began_s, server_s, own_s = time.perf_counter(), _server_s(server_pid), time.process_time()
    await work()
    processor_s = time.process_time() - own_s + _server_s(server_pid) - server_s
    return Cost(time.perf_counter() - began_s, processor_s)


def _server_s(pid: int | None) -> float:
    return processor_s(pid) if pid is not None else 0.0


async def _sync(database: Database, url: str, partner_url: str) -> None:
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
        wake = product_waker(webhook_receiver(database, Inbox(database), _nobody, source="partner"))
        # As `farmlokal sync` does it.
        async with indexes_last(database, large=True):
            await catalogue_sync(database, partner, source="partner", invalidate=_nobody, wake=wake).run(full=True)
    finally:
        await partner.close()


async def _nobody(tags: frozenset[str], **_: object) -> None:
    """Told what a page touched."""


async def _finished_rows(database: Database, plain: Database, rows: int) -> Callable[[], Awaitable[None]]:
    """Read the rows that the sync wrote. Returns what writes them to `plain`, which has their farms by then."""
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

    async def executemany() -> None:
        for first in range(0, len(products), _BATCH):

            async def write(session: Session, first: int = first) -> None:
                await session.execute_many(statement, products[first : first + _BATCH])

            await plain.in_transaction(write)

    return executemany
