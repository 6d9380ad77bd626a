"""The database that the settings name: one server, or a writer and the replicas that listings may be loaded from."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import NamedTuple

from farmlokal.app.metrics.metric_sources import MetricSource, number_in
from farmlokal.caching.causality import Causality
from farmlokal.database.address import MySQLAddress, parse_address, parse_readers
from farmlokal.database.connect import database_at
from farmlokal.database.interface import Database
from farmlokal.database.mysql_opening import ConnectionOpener
from farmlokal.database.mysql_position import position_by_name
from farmlokal.database.mysql_reader import MySQLReader
from farmlokal.database.mysql_replicated import ReplicatedMySQL
from farmlokal.resilience.commit_positions import CommitPositions
from farmlokal.settings import Settings


class CatalogueDatabase(NamedTuple):
    """The database, its replicas, and what the cache has to know where there are some."""

    database: Database
    readers: tuple[MySQLReader, ...] = ()
    causality: Causality | None = None


def catalogue_database(settings: Settings) -> CatalogueDatabase:
    """Return what the settings name. Nothing is connected yet."""
    address = parse_address(settings.database_url)
    limits = {"pool_size": settings.database_pool, "statement_limit_ms": settings.statement_limit_ms}
    if settings.database_readers is None or not isinstance(address, MySQLAddress):
        return CatalogueDatabase(database_at(address, **limits))
    commits = CommitPositions()
    database = ReplicatedMySQL(address, parse_readers(settings.database_readers), commits, **limits)
    causality = Causality(commits, partial(position_by_name, ConnectionOpener(address)))
    return CatalogueDatabase(database, tuple(database.readers), causality)


def reader_probes(readers: tuple[MySQLReader, ...]) -> dict[str, Callable[[], Awaitable[str | None]]]:
    """What `/readyz` asks of each replica, by a name that tells nobody where it is: its place in the setting."""
    return {f"reader-{number}": reader.check for number, reader in enumerate(readers, start=1)}


def reader_sources(database: Database) -> Iterator[MetricSource]:
    """Yields where loads were made, with the reason for the writer; nothing where there are no replicas."""
    if isinstance(database, ReplicatedMySQL):
        for where in database.reads:
            yield MetricSource("farmlokal_listing_reads_total", where, number_in(database.reads, where))
