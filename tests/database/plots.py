"""Two plots with plants to count: the table that the tests of transactions write to."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from farmlokal.database.interface import Database, Session
from tests.support.backends import database_on

ADD_ONE = "UPDATE plots SET plants = plants + 1 WHERE id = %s"


@asynccontextmanager
async def plots_on(url: str) -> AsyncIterator[Database]:
    """The database at `url`, with plots 1 and 2 in it and no plants on them."""
    async with database_on(url, pool_size=8) as database:
        await database.run_script(
            [
                "CREATE TABLE plots (id INTEGER PRIMARY KEY, plants INTEGER NOT NULL)",
                "INSERT INTO plots VALUES (1, 0), (2, 0)",
            ]
        )
        yield database


def add_one_to(plot: int) -> Callable[[Session], Awaitable[int]]:
    """The work of adding one plant to `plot`."""

    async def work(session: Session) -> int:
        return await session.execute(ADD_ONE, (plot,))

    return work


async def plots(database: Database) -> list[tuple[int, int]]:
    """Each plot's id and how many plants it has."""
    return [(plot, plants) for plot, plants in await database.fetch("SELECT id, plants FROM plots ORDER BY id")]
