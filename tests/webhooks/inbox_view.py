"""A look at what the events left behind."""

from typing import NamedTuple

from farmlokal.database.interface import Database
from tests.support.service import open_database


class Remembered(NamedTuple):
    """One inbox row's columns that the rules are about."""

    event_id: str
    type: str
    state: str
    effect: str
    reason: str | None
    attempts: int
    has_body: int


async def inbox_of(database: Database) -> list[Remembered]:
    """Every row of the inbox, by event id."""
    columns = "event_id, type, state, effect, reason, attempts, body IS NOT NULL"
    rows = await database.fetch_unlimited(f"SELECT {columns} FROM webhook_inbox ORDER BY event_id")
    return [Remembered(*row) for row in rows]


async def stock_of(database: Database, external_id: str = "okra-1") -> int:
    """The stock of one of the partner's products."""
    rows = await database.fetch(
        "SELECT stock FROM products WHERE source = 'partner' AND external_id = %s", (external_id,)
    )
    stock: int = rows[0][0]
    return stock


async def remembered(url: str) -> list[Remembered]:
    """The inbox of the database at `url`."""
    async with open_database(url) as database:
        return await inbox_of(database)


async def stock_at(url: str, external_id: str = "okra-1") -> int:
    """The stock in the database at `url`."""
    async with open_database(url) as database:
        return await stock_of(database, external_id)
