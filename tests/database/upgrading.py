"""A database of an earlier schema version, and a migration that the tests make up: what they upgrade, and how."""

from pathlib import Path
from typing import Any

from farmlokal.catalog.writing.mending import BATCHES
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Database, Statements
from farmlokal.database.migrations import MIGRATIONS
from farmlokal.database.migrations.migration import Batches, Change, Migration, Sweep
from farmlokal.database.schema import statements

_FIRST = {"mysql": "version_1.sql", "sqlite": "version_1_sqlite.sql"}

# Not of our schema: what the made-up migration takes away at its end.
OLD_INDEX = "CREATE INDEX farms_by_name ON farms (name)"

# The kinds of steps that a later release may need: a column, its content, an index for it; and an index less.
MADE_UP = Migration(
    version=MIGRATIONS[-1].version + 1,
    usable_from=MIGRATIONS[-1].version,
    expand=(
        Change(
            "made_up.column",
            "ALTER TABLE products ADD COLUMN doubled BIGINT NULL, ALGORITHM = INSTANT",
            "ALTER TABLE products ADD COLUMN doubled INTEGER NULL",
            lambda shape: "doubled" in shape["products"].columns,
        ),
        Sweep("made_up.content", "products"),
        Change(
            "made_up.index",
            "ALTER TABLE products ADD INDEX listing_by_doubled (live, doubled, id), ALGORITHM = INPLACE, LOCK = NONE",
            "CREATE INDEX listing_by_doubled ON products (live, doubled, id)",
            lambda shape: "listing_by_doubled" in shape["products"].indexes,
        ),
    ),
    contract=(
        Change(
            "made_up.without",
            "ALTER TABLE farms DROP INDEX farms_by_name, ALGORITHM = INPLACE, LOCK = NONE",
            "DROP INDEX farms_by_name",
            lambda shape: "farms_by_name" not in shape["farms"].indexes,
        ),
    ),
)


async def _double(statements: Statements, dialect: Dialect, after_id: int, last_id: int) -> None:
    differs = {"mysql": "NOT doubled <=> 2 * version", "sqlite": "doubled IS NOT 2 * version"}[dialect.name]
    await statements.execute(
        f"UPDATE products SET doubled = 2 * version WHERE id > %s AND id <= %s AND {differs}", (after_id, last_id)
    )


# What all sweeps do: ours, and that of the made-up migration.
ALL_BATCHES: Batches = {**BATCHES, "made_up.content": _double}

INSERT_PRODUCT = (
    "INSERT INTO products (source, external_id, version, digest, name, name_key, category, price, unit, created_at,"
    " updated_at) VALUES ('old', %s, %s, 'd', 'Okra', 'okra', 'vegetables', 100, 'kg', '2026-01-01 00:00:00',"
    " '2026-01-01 00:00:00')"
)
"""What a release of the first version writes, with fewer columns than it has: `external_id` and `version`."""


def first_statements(dialect_name: str) -> list[str]:
    """The schema file of the first version, for `mysql` or `sqlite`, as statements."""
    return [*statements((Path(__file__).parent / "schemas" / _FIRST[dialect_name]).read_text("utf-8"))]


async def make_first_version(database: Database, products: int = 0, *, more: tuple[str, ...] = ()) -> None:
    """Make what the first release made, and `more` by further statements, with so many products in it."""
    await database.run_script([*first_statements(database.dialect.name), *more])
    await insert_products(database, range(1, products + 1))


async def insert_products(database: Database, numbers: range) -> None:
    """Write as a process of the first version does: a product for each number, which is its version too."""
    rows = [(f"product-{number}", number) for number in numbers]
    if rows:
        await database.in_transaction(lambda session: session.execute_many(INSERT_PRODUCT, rows))


async def whole_schema(database: Database) -> dict[str, list[Any]]:
    """Everything that the database says of its tables, columns and indexes."""
    if database.dialect.name == "sqlite":
        named = await database.fetch(
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'index') AND name NOT LIKE 'sqlite_%' ORDER BY 1"
        )
        names = [name for (name,) in named]
        pragmas = ("table_xinfo", "index_xinfo")
        rows = {
            f"{pragma} {name}": await database.fetch(f"PRAGMA {pragma}({name})") for name in names for pragma in pragmas
        }
        # Number, unique, origin, partial: SQLite's own names count the order in which indexes were made.
        lists = {f"index_list {name}": await database.fetch(f"PRAGMA index_list({name})") for name in names}
        return rows | {name: sorted(row[2:] for row in rows) for name, rows in lists.items()}
    return {
        view: await database.fetch(
            f"SELECT {columns} FROM information_schema.{view} WHERE table_schema = DATABASE() ORDER BY {columns}"
        )
        for view, columns in {
            "tables": "table_name, engine, table_collation",
            "columns": "table_name, ordinal_position, column_name, column_default, is_nullable, column_type,"
            " collation_name, column_key, extra, generation_expression",
            "statistics": "table_name, index_name, seq_in_index, column_name, non_unique, collation, index_type",
            "table_constraints": "table_name, constraint_name, constraint_type",
        }.items()
    }
