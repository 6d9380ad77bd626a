"""What the commands that fill the catalogue share: a database at work, and telling the services afterwards."""

from collections.abc import Awaitable, Callable

from farmlokal.app.command_invalidation import send_invalidation
from farmlokal.app.dependencies import wait_for_database
from farmlokal.app.webhooks import wake_waiting_events
from farmlokal.caching.tag_history import EVERYTHING
from farmlokal.catalog.writing.rare_collections import collect_rarely
from farmlokal.cli.process import T, open_database
from farmlokal.database.identity import read_identity
from farmlokal.database.interface import Database
from farmlokal.settings import Settings


async def filling(settings: Settings, work: Callable[[Database], Awaitable[T]]) -> T:
    """Do `work` on the settings' database, and let the services take what they cached for stale. Returns its result."""

    async def told(database: Database) -> T:
        identity = await read_identity(database)
        try:
            done = await work(database)
            await wake_waiting_events(database, source=settings.partner_source)
            return done
        finally:
            # Whatever was written, by an interrupted run too. A file touches most pages: naming their tags saves
            # nothing.
            await send_invalidation(settings, database, identity, (EVERYTHING,))

    return await with_database(settings, told)


async def with_database(settings: Settings, work: Callable[[Database], Awaitable[T]], *, check: bool = True) -> T:
    """Do `work`, which may load many rows, on the settings' database. Returns its result.

    check: wait for the database first, and look at its schema.
    """
    database = open_database(settings)
    collect_rarely()
    try:
        if check:
            await wait_for_database(database, loading=True)
        return await work(database)
    finally:
        await database.close()
