"""A load of many rows, after which the listing's indexes are made."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from farmlokal.database import late_indexes
from farmlokal.database.interface import Database
from farmlokal.database.schema import SCHEMA_VERSION, our_shape, stored_version
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# A server may list a session for a moment after its end.
_LOOKS_MAX = 5
_LOOK_AGAIN_S = 0.1


@asynccontextmanager
async def indexes_last(database: Database, *, large: bool) -> AsyncIterator[None]:
    """Where `database` is an empty MySQL that nobody else uses, make the listing's indexes after what the block writes.

    Each is then sorted and written once, where a million rows one after the other change pages all over thirteen of
    them. large: whether there is enough to be written; a load that was interrupted is gone on with in any case. Where
    the block ends with an error, the indexes stay away until the next load, or `farmlokal init-db`. Raises
    RightMissing.
    """
    indexes = late_indexes.listing_indexes(our_shape(database.dialect.name))
    late = database.dialect.name == "mysql" and (
        await late_indexes.owed(database)
        or (large and await _unused(database) and await late_indexes.take_away(database, indexes))
    )
    try:
        yield
    except BaseException:
        if late:
            _log.warning("the listing's indexes are still to be made: load again, or run `farmlokal init-db`")
        raise
    if late:
        await late_indexes.make(database, indexes)


async def _unused(database: Database) -> bool:
    """Whether the catalogue is empty, of the newest version, and nobody's; a session may have ended this moment."""
    if await database.fetch("SELECT 1 FROM products LIMIT 1"):
        return False
    stored = await stored_version(database)
    if stored is None or stored.version != SCHEMA_VERSION:
        return False
    for _ in range(_LOOKS_MAX):
        if await late_indexes.alone(database):
            return True
        await asyncio.sleep(_LOOK_AGAIN_S)
    return False
