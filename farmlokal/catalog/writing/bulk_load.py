"""Loads of many rows: as many processes as help, and statistics brought up to date afterwards."""

import os
from collections.abc import Callable

from farmlokal.catalog.seed.fill import fill
from farmlokal.catalog.seed.processes import fill_with_processes
from farmlokal.catalog.writing.indexes_last import indexes_last
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.name_counts import count_names
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.address import Address, SQLiteAddress
from farmlokal.database.interface import Database

# A process takes about a second to start and to make its tables, in which one process writes this many products.
_PRODUCTS_PER_PROCESS_MIN = 10_000
# Each writes without a pause: a server that others use as well should not meet 64 of them from a big machine.
_PROCESSES_MAX = 8
# To make the indexes of nothing takes a quarter of a second; to write so many products, several.
_LARGE_PRODUCTS = 50_000

# What the optimiser knows of the data. The servers bring it up to date by themselves when a tenth of a table has
# changed, but some seconds later, and SQLite never does. SQLite is told not to read more of an index than this.
_REFRESH = {
    "mysql": ("ANALYZE TABLE products, farms",),
    "sqlite": ("PRAGMA analysis_limit = 1000", "ANALYZE"),
}


async def seed_catalogue(
    database: Database,
    address: Address,
    products: int,
    on_progress: Callable[[int], None],
    *,
    processes: int | None = None,
) -> None:
    """Bring seed products 1 to `products` into `database`, which is the one at `address`, and refresh its statistics.

    What is there already stays as it is, also what an interrupted run left: running it again adds what is missing.
    on_progress: called with how many are done. processes: how many to use; SQLite, which has one writer at a time,
    always has one. Raises DatabaseUnavailable, and ChildProcessError when a process ended by itself.
    """
    processes = processes or processes_for(products)
    async with indexes_last(database, large=products >= _LARGE_PRODUCTS):
        if isinstance(address, SQLiteAddress) or processes == 1:
            writer = ProductWriter(database, farms=KnownFarms(database))
            await fill(writer, range(1, products + 1), on_progress)
        else:
            await fill_with_processes(address, products, on_progress, processes=processes)
    await refresh_statistics(database)


def processes_for(products: int) -> int:
    """How many processes seed so many products fastest on this machine."""
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, _PROCESSES_MAX, products // _PRODUCTS_PER_PROCESS_MIN))


async def refresh_statistics(database: Database) -> None:
    """Bring up to date what the database's optimiser and search know of its tables: after every load of many rows."""
    await database.run_script(_REFRESH[database.dialect.name])
    await count_names(database)
