"""Indexes of the listing that are made when the rows of a large load are there, each sorted and written once.

They are taken away from an empty table, and a mark in `schema_steps` says so from before that until they are back:
whoever meets the mark knows that the catalogue cannot be listed yet, and what is left to be done. So a process may die
at any point. Not on SQLite, where a service that uses the same file cannot be seen.
"""

from collections.abc import Mapping
from functools import partial

from farmlokal.database.interface import Database, Statements
from farmlokal.database.shape import Index, Shape, found_shape
from farmlokal.errors import RightMissing
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# No upgrade's, which are forgotten when their version is in full.
_MARK = (0, "listing indexes")


def listing_indexes(shape: Shape) -> dict[str, Index]:
    """The indexes that pages are found by, by their names."""
    return {name: index for name, index in shape["products"].indexes.items() if name.startswith("listing_")}


async def owed(database: Database) -> bool:
    """Whether indexes are still to be made. Reads only."""
    return bool(await database.fetch("SELECT 1 FROM schema_steps WHERE version = %s AND step = %s", _MARK))


async def alone(database: Database) -> bool:
    """Whether the server shows no other session in the database: without PROCESS, none of another user is shown.

    A service that nobody asks may have none for a minute. Whatever meets a missing index is refused with the reason.
    """
    ((is_mariadb,),) = await database.fetch("SELECT VERSION() LIKE '%%MariaDB%%'")
    # MySQL's own table in information_schema fails while any session runs a statement with certain characters.
    sessions = "information_schema.processlist" if is_mariadb else "performance_schema.processlist"
    others = await database.fetch(f"SELECT 1 FROM {sessions} WHERE db = DATABASE() AND id <> CONNECTION_ID() LIMIT 1")
    return not others


async def take_away(database: Database, indexes: Mapping[str, Index]) -> bool:
    """Take `indexes` away from the table of products, which is empty. Returns False where the user may not."""
    try:
        await database.exclusively(partial(_take_away, indexes))
    except RightMissing as error:
        await database.in_transaction(_unmark)
        _log.info("the load is slower than it could be", reason=str(error))
        return False
    return True


async def make(database: Database, indexes: Mapping[str, Index]) -> None:
    """Make those of `indexes` that are not there, and take the mark away. Safe to run again. Raises RightMissing."""
    _log.info("making the indexes of the listing")
    await database.exclusively(partial(_make, indexes))


async def _take_away(indexes: Mapping[str, Index], statements: Statements) -> None:
    await statements.execute("REPLACE INTO schema_steps (version, step) VALUES (%s, %s)", _MARK)
    there = listing_indexes(await found_shape("mysql", statements.fetch))
    if dropped := [f"DROP INDEX {name}" for name in indexes if name in there]:
        # Commits the mark before it begins.
        await statements.execute(f"ALTER TABLE products {', '.join(dropped)}")


async def _make(indexes: Mapping[str, Index], statements: Statements) -> None:
    there = listing_indexes(await found_shape("mysql", statements.fetch))
    added = [f"ADD INDEX {name} ({', '.join(index.columns)})" for name, index in indexes.items() if name not in there]
    if added:
        await statements.execute(f"ALTER TABLE products {', '.join(added)}")
    await _unmark(statements)


async def _unmark(statements: Statements) -> None:
    await statements.execute("DELETE FROM schema_steps WHERE version = %s AND step = %s", _MARK)
