"""What the service depends on, the database and Redis: how each is reached, waited for, and tried."""

import asyncio
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from farmlokal.caching.redis.tier import RedisTier
from farmlokal.database.interface import Database
from farmlokal.database.schema import StoredVersion, check_schema
from farmlokal.errors import DatabaseMisconfigured, DatabaseUnavailable
from farmlokal.formats.redis_urls import parse_nodes_url
from farmlokal.limiting.shared import SharedLimit
from farmlokal.resilience.redis_pools import pool_of
from farmlokal.telemetry import get_logger
from farmlokal.web.edge.lifecycle import Probe

_log = get_logger(__name__)

# How long a starting service waits for its database: a rolling restart of the two together takes less.
DATABASE_WAIT_MAX_S = 30
_RETRY_EVERY_S = 0.5


async def wait_for_database(
    database: Database, wait_max_s: float | None = None, *, loading: bool = False
) -> StoredVersion:
    """Return the schema's version once `database` answers and holds one that we can use.

    wait_max_s: seconds; by default the stated ones. loading: as for `check_schema`. Raises DatabaseUnavailable after
    that time, DatabaseMisconfigured and SchemaMismatch at once.
    """
    wait_max_s = DATABASE_WAIT_MAX_S if wait_max_s is None else wait_max_s
    deadline = asyncio.get_running_loop().time() + wait_max_s
    waiting = False
    while True:
        try:
            return await check_schema(database, loading=loading)
        except DatabaseMisconfigured:
            raise
        except DatabaseUnavailable as error:
            if asyncio.get_running_loop().time() >= deadline:
                raise
            if not waiting:
                reason = error.reason or str(error.__cause__ or error)
                _log.warning("waiting for the database", wait_max_s=wait_max_s, reason=reason)
            waiting = True
            await asyncio.sleep(_RETRY_EVERY_S)


def database_probe(database: Database) -> Probe:
    """Returns what `/readyz` asks of the database: that a table can be read, and whether writes are taken.

    Some servers that lost their group sign everybody in, and answer whatever needs no table.
    """

    async def probe() -> str | None:
        await database.fetch("SELECT version FROM schema_version")
        refusal = await database.ping()
        return None if refusal is None else f"it can be read, and takes no writes: {refusal}"

    return probe


def redis_probe(tier: RedisTier, shared_limit: SharedLimit | None) -> Probe:
    """Returns what `/readyz` asks of Redis: that the scripts of the cache and of the rate limit run."""

    async def probe() -> str | None:
        return await tier.check() or (shared_limit.reason if shared_limit is not None else None)

    return probe


async def expect_redis(url: str, wait_max_s: float) -> None:
    """Raise RedisMisconfigured where `url` is one of another kind of server than the one that is there."""
    redis = redis_client(url, wait_max_s)
    try:
        await RedisTier(redis, None, wait_max_s=wait_max_s).expect_server()
    finally:
        await redis.aclose()


def redis_client(url: str, wait_max_s: float) -> Redis:
    """Returns a client whose steps take `wait_max_s` seconds at most. It never retries: the breaker decides that."""
    options: dict[str, Any] = {
        "socket_timeout": wait_max_s,
        "socket_connect_timeout": wait_max_s,
        "retry": Retry(NoBackoff(), 0),
    }
    nodes = parse_nodes_url(url)
    return Redis.from_url(url, **options) if nodes is None else Redis.from_pool(pool_of(nodes, **options))
