"""The schema: its files, its version, making it, upgrading it, and checking what is there."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from farmlokal.database import late_indexes
from farmlokal.database.identity import stored_identity
from farmlokal.database.interface import Database, Statements
from farmlokal.database.migrations import MIGRATIONS, runner
from farmlokal.database.migrations.migration import Batches, Migration
from farmlokal.database.migrations.runner import Show
from farmlokal.database.shape import Shape, differences, found_shape, needed_shape
from farmlokal.errors import DatabaseMissing, SchemaMismatch

SCHEMA_VERSION = MIGRATIONS[-1].version
NO_BATCHES: Batches = MappingProxyType({})

# An installed package holds a copy of schema.sql; in a checkout the one copy stands at the top level.
_MYSQL_FILES = (Path(__file__).with_name("schema.sql"), Path(__file__).parents[2] / "schema.sql")
_TABLE_OF = re.compile(r"(?:TABLE IF NOT EXISTS|INTO| ON) (\w+)")


class StoredVersion(NamedTuple):
    """What the database says of its schema: its version, and the first version whose release can use it."""

    version: int
    usable_from: int


def schema_text(dialect_name: str) -> str:
    """The whole schema as SQL for `mysql` or `sqlite`."""
    if dialect_name == "sqlite":
        return files(__package__).joinpath("sqlite_schema.sql").read_text("utf-8")
    return next(path for path in _MYSQL_FILES if path.exists()).read_text("utf-8")


def statements(script: str) -> Iterator[str]:
    """The statements of `script`, without comments. Our schema files have no `;` or `--` inside a literal."""
    for statement in re.sub(r"--[^\n]*", "", script).split(";"):
        if statement.strip():
            yield statement.strip()


def our_shape(dialect_name: str) -> Shape:
    """The shape of the whole schema for `mysql` or `sqlite`."""
    return needed_shape(statements(schema_text(dialect_name)))


@contextmanager
def _unseen(_name: str, _total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


async def create_schema(
    database: Database,
    show: Show = _unseen,
    migrations: Sequence[Migration] = MIGRATIONS,
    *,
    batches: Batches = NO_BATCHES,
) -> StoredVersion:
    """Make the schema where there is none; else upgrade it, as far as the release before goes on with it.

    Safe to run again, to interrupt, and to run beside another. show: the progress of long steps. migrations: by
    default all there are. batches: what their sweeps do; a schema that is made anew needs none. Returns what is stored
    afterwards: an earlier version until `contract_schema`. Raises SchemaMismatch, and RightMissing where the database
    user may not do what is left to do.
    """
    try:
        stored = await stored_version(database)
    except DatabaseMissing:
        stored = None
    if stored is None:
        await database.exclusively(partial(_create, database))
        stored = _there(await stored_version(database))
    _refuse_unusable(stored)
    if await runner.pending(database, _after(stored, migrations)):
        await runner.expand(database, _after(stored, migrations), show, batches)
    if stored.version <= SCHEMA_VERSION:
        await _create_missing(database)
        if await late_indexes.owed(database):
            await late_indexes.make(database, late_indexes.listing_indexes(our_shape(database.dialect.name)))
    await check_schema(database, migrations)
    return _there(await stored_version(database))


async def contract_schema(
    database: Database,
    show: Show = _unseen,
    migrations: Sequence[Migration] = MIGRATIONS,
    *,
    batches: Batches = NO_BATCHES,
) -> StoredVersion:
    """Finish the upgrade, after which earlier releases refuse the database. As `create_schema` otherwise."""
    stored = await create_schema(database, show, migrations, batches=batches)
    await runner.contract(database, _after(stored, migrations), show, batches)
    return _there(await stored_version(database))


async def check_schema(
    database: Database, migrations: Sequence[Migration] = MIGRATIONS, *, loading: bool = False
) -> StoredVersion:
    """Returns what is stored. Raises SchemaMismatch unless this release can use the database.

    The error's text is what to run, or what is missing. loading: whether it is for a load of many rows, which goes on
    with one that was interrupted; nobody else can use a catalogue whose listing has no indexes yet.
    """
    stored = await stored_version(database)
    if stored is None:
        raise SchemaMismatch("the database holds no FarmLokal schema: run `farmlokal init-db`")
    _refuse_unusable(stored)
    if await runner.pending(database, _after(stored, migrations)):
        raise SchemaMismatch(
            f"the database holds schema version {stored.version}, not {SCHEMA_VERSION}: run `farmlokal init-db`"
        )
    if stored.version > SCHEMA_VERSION:
        return stored  # with the word of a newer release, which knows what it changed, that we can use it
    if faults := await schema_faults(database, _after(stored, migrations)):
        raise SchemaMismatch("\n  ".join(["the schema is damaged:", *faults]))
    if not loading and await late_indexes.owed(database):
        raise SchemaMismatch(
            "the catalogue is being filled, or that was interrupted before its indexes were made: wait for it, or run"
            " the interrupted command again, or `farmlokal init-db`"
        )
    return stored


async def schema_faults(database: Database, expanded: Sequence[Migration] = ()) -> list[str]:
    """What the database lacks of our schema, or has of another type: a line each. Indexes still to be made are none.

    expanded: migrations whose contracting steps are still to be run, with what these change.
    """
    name = database.dialect.name
    found = await found_shape(name, database.fetch_unlimited)
    needed = our_shape(name)
    if "schema_steps" in found and await late_indexes.owed(database):
        for index in late_indexes.listing_indexes(needed):
            del needed["products"].indexes[index]
    for table, column in (changed for one in expanded for step in one.contract for changed in step.changes):
        if table in found and column in found[table].columns:
            needed[table].columns[column] = found[table].columns[column]
    lines = differences(needed, found)
    if "catalogue" in found and await stored_identity(database) is None:
        lines.append("the row of table catalogue is missing")
    return lines


async def stored_version(database: Database) -> StoredVersion | None:
    """Returns what the database says of its schema; None where there is no schema."""
    columns = {row[0] for row in await database.fetch(_VERSION_COLUMNS[database.dialect.name])}
    if not columns:
        return None
    usable_from = "usable_from" if "usable_from" in columns else "1"
    rows = await database.fetch(f"SELECT version, {usable_from} FROM schema_version ORDER BY version DESC LIMIT 1")
    return StoredVersion(*rows[0]) if rows else None


_VERSION_COLUMNS = {
    "mysql": "SELECT column_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = 'schema_version'",
    "sqlite": "SELECT name FROM pragma_table_info('schema_version')",
}


def _refuse_unusable(stored: StoredVersion) -> None:
    if stored.version < 1:
        raise SchemaMismatch(
            f"the database holds schema version {stored.version}, which no release has written: put right what the"
            " table schema_version says, or use another database"
        )
    if stored.usable_from > SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the database holds schema version {stored.version}, this release knows {SCHEMA_VERSION}: upgrade it"
        )


def _after(stored: StoredVersion, migrations: Sequence[Migration]) -> list[Migration]:
    return [migration for migration in migrations if migration.version > stored.version]


def _there(stored: StoredVersion | None) -> StoredVersion:
    if stored is None:
        raise AssertionError("a schema that was made and checked is not there")
    return stored


async def _create(database: Database, session: Statements) -> None:
    name = database.dialect.name
    if table := (await found_shape(name, session.fetch)).get("schema_version"):
        if await session.fetch("SELECT version FROM schema_version"):
            return  # another process has made the schema meanwhile
        if "usable_from" not in table.columns:
            # The first release was ended between its first table and the row in it; nothing else is there.
            await session.execute("DROP TABLE schema_version")
    for statement in statements(schema_text(name)):
        await session.execute(statement)


async def _create_missing(database: Database) -> None:
    """Make the tables that are missing: the making of the schema was ended before. Other damage is left to be seen."""
    name = database.dialect.name
    found = await found_shape(name, database.fetch_unlimited)
    missing = our_shape(name).keys() - found.keys()
    if "catalogue" in found and await stored_identity(database) is None:
        missing |= {"catalogue"}
    if not missing:
        return

    async def work(session: Statements) -> None:
        for statement in statements(schema_text(name)):
            table = _TABLE_OF.search(statement)
            if table and table[1] in missing:
                await session.execute(statement)

    await database.exclusively(work)
