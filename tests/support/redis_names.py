"""The names that tests use in Redis: those of a made-up catalogue, and those of a real one."""

from farmlokal.caching.redis.keys import RedisKeys
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.identity import read_identity
from farmlokal.limiting.redis_script import LimitKeys

IDENTITY = "0123456789abcdef"
KEYS = RedisKeys(IDENTITY)
LIMIT_KEYS = LimitKeys(IDENTITY)


async def identity_at(url: str) -> str:
    """The identity of the catalogue in the database at `url`."""
    database = database_at(parse_address(url), pool_size=1, statement_limit_ms=2000)
    try:
        return await read_identity(database)
    finally:
        await database.close()
