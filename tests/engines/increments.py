"""Transactions at several members of a group that all want the same rows."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from unittest.mock import patch

from farmlokal.database import mysql
from farmlokal.database.interface import Database, Session
from tests.database.plots import ADD_ONE, plots, plots_on
from tests.servers.access import DatabaseAccess
from tests.support.backends import database_on
from tests.support.waiting import eventually

EACH = 40
# Times 0 to 4, by turns: without any, a member may lose at every attempt, since the others are always at it.
PAUSE_S = 0.02
# The busier the machine, the longer a transaction takes, and the more often it loses.
_ATTEMPTS_MAX = 100
_LOCKED_FIRST = "SELECT plants FROM plots WHERE id = %s FOR UPDATE"


async def increment_everywhere(members: Sequence[DatabaseAccess], name: str) -> tuple[list[tuple[int, int]], int]:
    """Add EACH plants to both of two plots through each member at once, in a database `name` that is made for it.

    Returns what the first member has on the plots in the end, and how many attempts it took altogether.
    """
    attempts = 0

    async def add(place: int, database: Database) -> None:
        async def work(session: Session) -> None:
            nonlocal attempts
            attempts += 1
            for plot in (1, 2):
                await session.fetch(_LOCKED_FIRST, (plot,))
                await session.execute(ADD_ONE, (plot,))

        for number in range(EACH):
            await database.in_transaction(work)
            await asyncio.sleep(PAUSE_S * ((place + 1) * number % 5))

    members[0].create_database(name)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(plots_on(members[0].url(name)))
        others = [await stack.enter_async_context(database_on(member.url(name))) for member in members[1:]]
        for other in others:
            await eventually(partial(_tables, other), lambda found: found == 1)
        with patch.object(mysql, "_TRANSACTION_ATTEMPTS_MAX", _ATTEMPTS_MAX):
            await asyncio.gather(*[add(place, member) for place, member in enumerate((first, *others))])
        landed = EACH * len(members)
        # What the others committed last is on its way to the first.
        found = await eventually(lambda: plots(first), lambda found: all(plants >= landed for _, plants in found))
        return found, attempts


async def _tables(database: Database) -> int:
    tables = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = DATABASE()"
    return int((await database.fetch(tables))[0][0])
