"""The schema's files, its version, creating it and checking it."""

import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from farmlokal.database.interface import Database
from farmlokal.errors import SchemaMismatch

SCHEMA_VERSION = 2

# An installed package holds a copy of schema.sql; in a checkout the one copy stands at the top level.
_MYSQL_FILES = (Path(__file__).with_name("schema.sql"), Path(__file__).parents[2] / "schema.sql")


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


async def create_schema(database: Database) -> None:
    """Create what is missing; safe to run again. Raises SchemaMismatch where a newer release was here."""
    await database.run_script(statements(schema_text(database.dialect.name)))
    await check_schema(database)


async def check_schema(database: Database) -> None:
    """Raises SchemaMismatch, whose text is what to run, unless the database holds our schema version."""
    found = await stored_version(database)
    if found is None:
        raise SchemaMismatch("the database holds no FarmLokal schema: run `farmlokal init-db`")
    if found < SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the database holds schema version {found}, not {SCHEMA_VERSION}: run `farmlokal init-db`"
        )
    if found > SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the database holds schema version {found}, this release knows {SCHEMA_VERSION}: upgrade it"
        )


async def stored_version(database: Database) -> int | None:
    """The schema version that the database holds; None where there is no schema."""
    if not await database.fetch(_TABLE_EXISTS[database.dialect.name]):
        return None
    rows = await database.fetch("SELECT MAX(version) FROM schema_version")
    version: int | None = rows[0][0]
    return version


_TABLE_EXISTS = {
    "mysql": "SELECT 1 FROM information_schema.tables"
    " WHERE table_schema = DATABASE() AND table_name = 'schema_version'",
    "sqlite": "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'",
}
