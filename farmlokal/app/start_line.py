"""What a starting service says of itself in one line: what it serves, and from where, without secrets."""

from typing import Any

from farmlokal.app.aliases import aliases_of
from farmlokal.app.resources import wait_for_database
from farmlokal.catalog.planning.sample import draw_sample
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.schema import stored_version
from farmlokal.settings import Settings, mask

# Drawn in some 20 ms at any size of the catalogue, which they tell to 2 %; a smaller one is known exactly.
_SAMPLE_ROWS = 4096


async def start_line(settings: Settings) -> dict[str, Any]:
    """Wait for the database, check its schema, and return the fields of the line that says what is served.

    database, schema_version, redis: where the catalogue and what processes share are; `none` without a Redis. products:
    how many there are, estimated by a sample. Raises SettingsInvalid where the alias
    table is not in order, DatabaseUnavailable and SchemaMismatch, as `wait_for_database`.
    """
    aliases_of(settings)
    address = parse_address(settings.database_url)
    database = database_at(address, pool_size=1, statement_limit_ms=settings.statement_limit_ms)
    try:
        await wait_for_database(database)
        stored = await stored_version(database)
        sample = await draw_sample(database, rows=_SAMPLE_ROWS)
        return {
            "database": str(address),
            "schema_version": None if stored is None else stored.version,
            "redis": mask("redis_url", settings.redis_url) or "none",
            "products": round(len(sample) / sample.share),
        }
    finally:
        await database.close()
