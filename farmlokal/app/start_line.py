"""What the arbiter of several workers finds out before it starts them: so a fault is one line, and not one of each."""

from typing import Any

from farmlokal.app.aliases import aliases_of
from farmlokal.app.dependencies import expect_redis, wait_for_database
from farmlokal.app.found import Found
from farmlokal.catalog.planning.sample import draw_sample
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.settings import Settings

# Drawn in some 20 ms at any size of the catalogue, which they tell to 2 %; a smaller one is known exactly.
_SAMPLE_ROWS = 4096


async def start_line(settings: Settings) -> dict[str, Any]:
    """Wait for the database, check its schema, and return the fields of the line that says what is served.

    Raises SettingsInvalid where the alias table is not in order, RedisMisconfigured, DatabaseUnavailable and
    SchemaMismatch, as `wait_for_database`.
    """
    aliases_of(settings)
    if settings.redis_url is not None:
        await expect_redis(settings.redis_url, settings.redis_wait_ms / 1000)
    address = parse_address(settings.database_url)
    database = database_at(address, pool_size=1, statement_limit_ms=settings.statement_limit_ms)
    found = Found()
    try:
        found.schema_version = (await wait_for_database(database)).version
        found.sampled(await draw_sample(database, rows=_SAMPLE_ROWS))
    finally:
        await database.close()
    return found.line(settings)
