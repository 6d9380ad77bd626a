"""The database that the settings name: one server, or a writer and the replicas that listings may be loaded from."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import NamedTuple, Protocol

from farmlokal.app.metrics.metric_sources import MetricSource, number_in
from farmlokal.caching.causality import Causality
from farmlokal.database.address import MySQLAddress, parse_address, parse_readers
from farmlokal.database.connect import database_at
from farmlokal.database.interface import Database
from farmlokal.resilience.commit_positions import CommitPositions
from farmlokal.settings import Settings


class Reader(Protocol):
    """A replica."""

    def belong_to(self, identity: str) -> None:
        """From now on it is one where it holds the catalogue with this identity."""
        ...

    async def check(self) -> str | None:
        """Return what keeps loads from being made here, None where nothing does. Raises Unavailable."""
        ...


class CatalogueDatabase(NamedTuple):
    """The database; and where there are replicas, these, what the cache has to know, and where loads were made."""

    database: Database
    readers: Sequence[Reader] = ()
    causality: Causality | None = None
    reads: Mapping[str, int] = MappingProxyType({})


def catalogue_database(settings: Settings) -> CatalogueDatabase:
    """Return what the settings name. Nothing is connected yet."""
    address = parse_address(settings.database_url)
    if settings.database_readers is None or not isinstance(address, MySQLAddress):
        return CatalogueDatabase(
            database_at(address, pool_size=settings.database_pool, statement_limit_ms=settings.statement_limit_ms)
        )
    # Imported where they are used: without replicas they would only make the start longer.
    from farmlokal.database.mysql_opening import ConnectionOpener
    from farmlokal.database.mysql_position import position_by_name
    from farmlokal.database.mysql_replicated import ReplicatedMySQL

    commits = CommitPositions()
    database = ReplicatedMySQL(
        address,
        parse_readers(settings.database_readers),
        commits,
        pool_size=settings.database_pool,
        statement_limit_ms=settings.statement_limit_ms,
    )
    causality = Causality(commits, partial(position_by_name, ConnectionOpener(address)))
    return CatalogueDatabase(database, database.readers, causality, database.reads)


def reader_probes(readers: Sequence[Reader]) -> dict[str, Callable[[], Awaitable[str | None]]]:
    """What `/readyz` asks of each replica, by a name that tells nobody where it is: its place in the setting."""
    return {f"reader-{number}": reader.check for number, reader in enumerate(readers, start=1)}


def reader_sources(reads: Mapping[str, int]) -> Iterator[MetricSource]:
    """Yields where loads were made, with the reason for the writer. reads: their numbers."""
    for where in reads:
        yield MetricSource("farmlokal_listing_reads_total", where, number_in(reads, where))
