"""The schema files: they run as they are, again as well, and both make the same tables, columns and indexes."""

import re
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from farmlokal.database.interface import Database, Row
from farmlokal.database.migrations import MIGRATIONS
from farmlokal.database.schema import (
    SCHEMA_VERSION,
    StoredVersion,
    check_schema,
    create_schema,
    schema_text,
    statements,
    stored_version,
)
from farmlokal.errors import SchemaMismatch
from tests.support.backends import connect_to, database_on, on_every_backend, on_every_server
from tests.support.service import open_database, sqlite_url

SECONDARY_INDEXES_MAX = 14
# This release uses a database from this version on, since the ones behind it add nothing that it cannot be without.
USABLE_FROM = max(migration.version for migration in MIGRATIONS if migration.expand)


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """An empty database."""
    async with database_on(backend_url) as database:
        yield database


@on_every_backend
async def test_creating_twice_keeps_what_is_there(database: Database) -> None:
    """The second `create_schema` succeeds and changes nothing."""
    await create_schema(database)
    await database.run_script(["INSERT INTO sightings (run, product_id) VALUES ('run-1', 7)"])
    await create_schema(database)
    assert [("run-1", 7)] == await database.fetch("SELECT run, product_id FROM sightings")
    assert [(SCHEMA_VERSION,)] == await database.fetch("SELECT version FROM schema_version")


@on_every_backend
async def test_a_database_without_a_schema_is_sent_to_init_db(database: Database) -> None:
    """Where nothing was created yet, the error says to run `farmlokal init-db`."""
    assert await stored_version(database) is None
    with pytest.raises(SchemaMismatch, match="no FarmLokal schema: run `farmlokal init-db`"):
        await check_schema(database)


@on_every_backend
@pytest.mark.parametrize(
    ("version", "advice"), [(USABLE_FROM - 1, "run `farmlokal init-db`"), (SCHEMA_VERSION + 1, "upgrade it")]
)
async def test_another_version_is_refused(database: Database, version: int, advice: str) -> None:
    """A database that is too old or of a newer release is refused with both versions and what to do."""
    await create_schema(database)
    await database.run_script([f"UPDATE schema_version SET version = {version}, usable_from = {version}"])
    with pytest.raises(SchemaMismatch, match=f"schema version {version}.*{SCHEMA_VERSION}.*{advice}"):
        await check_schema(database)


@on_every_backend
async def test_a_newer_database_is_not_taken_over(database: Database) -> None:
    """`create_schema` refuses a newer release's database and leaves its version as it is."""
    await create_schema(database)
    newer = SCHEMA_VERSION + 1
    await database.run_script([f"UPDATE schema_version SET version = {newer}, usable_from = {newer}"])
    with pytest.raises(SchemaMismatch, match="upgrade it"):
        await create_schema(database)
    assert StoredVersion(newer, newer) == await stored_version(database)


@on_every_server
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "statement by statement"])
def test_schema_sql_runs_in_any_client(backend_url: str, *, at_once: bool) -> None:
    """The file's own text, comments included, runs twice over a bare connection, at once or by statement."""
    text = schema_text("mysql")
    with closing(connect_to(backend_url)) as connection, connection.cursor() as cursor:
        for statement in ([text] if at_once else [*statements(text)]) * 2:
            cursor.execute(statement)
            while cursor.nextset():
                pass
        cursor.execute("SELECT version FROM schema_version")
        assert ((SCHEMA_VERSION,),) == cursor.fetchall()


@on_every_server
async def test_both_files_make_the_same_tables(backend_url: str, tmp_path: Path) -> None:
    """SQLite's tables, columns, primary keys and indexes are those of schema.sql, by name and order."""
    async with open_database(backend_url) as server, open_database(sqlite_url(tmp_path)) as embedded:
        assert await _server_columns(server) == await _sqlite_columns(embedded)
        assert await _server_indexes(server) == await _sqlite_indexes(embedded)


@on_every_server
async def test_products_has_at_most_fourteen_secondary_indexes(backend_url: str) -> None:
    """Every write pays for every index: the number has a limit."""
    async with open_database(backend_url) as database:
        names = {name for table, name, *_ in await _server_indexes(database) if table == "products"}
    assert SECONDARY_INDEXES_MAX >= len(names - {"PRIMARY"}) > 0


def test_each_index_says_which_question_it_answers() -> None:
    """Above every index of schema.sql stands a sentence."""
    lines = schema_text("mysql").splitlines()
    found = [number for number, line in enumerate(lines) if re.match(r"\s*INDEX \w+", line)]
    assert found
    assert [] == [lines[number] for number in found if not re.match(r"\s*-- \S.*\.$", lines[number - 1])]


Column = tuple[str, str]
Index = tuple[str, str, bool, tuple[str, ...]]


async def _server_columns(database: Database) -> list[Column]:
    rows = await database.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()"
        " ORDER BY table_name, ordinal_position"
    )
    # A server puts `_` in another place than SQLite does.
    return sorted(((table, column) for table, column in rows), key=lambda one: one[0])


async def _sqlite_columns(database: Database) -> list[Column]:
    return [(table, row[1]) for table in await _sqlite_tables(database) for row in await _table_info(database, table)]


async def _server_indexes(database: Database) -> set[Index]:
    """The indexes: table, name, whether unique, columns. A constraint's is named as SQLite does: not at all."""
    rows = await database.fetch(
        "SELECT table_name, index_name, MAX(non_unique), GROUP_CONCAT(column_name ORDER BY seq_in_index)"
        " FROM information_schema.statistics WHERE table_schema = DATABASE() GROUP BY table_name, index_name"
    )
    return {
        (table, name if name == "PRIMARY" or not_unique else "", not not_unique, tuple(columns.split(",")))
        for table, name, not_unique, columns in rows
    }


async def _sqlite_indexes(database: Database) -> set[Index]:
    indexes: set[Index] = set()
    for table in await _sqlite_tables(database):
        keys = sorted((row[5], row[1]) for row in await _table_info(database, table) if row[5])
        indexes.add((table, "PRIMARY", True, tuple(column for _, column in keys)))
        for _, name, unique, origin, _ in await database.fetch(f"PRAGMA index_list({table})"):
            columns = tuple(row[2] for row in await database.fetch(f"PRAGMA index_info({name})"))
            if origin != "pk":
                indexes.add((table, "" if origin == "u" else name, bool(unique), columns))
    return indexes


async def _sqlite_tables(database: Database) -> list[str]:
    rows = await database.fetch(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
    )
    return [row[0] for row in rows]


async def _table_info(database: Database, table: str) -> list[Row]:
    """Rows of number, name, type, not null, default, place in the primary key, hidden; generated columns too."""
    return await database.fetch(f"PRAGMA table_xinfo({table})")
