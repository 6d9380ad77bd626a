"""Which units the products of names have had: what is asked for by its unit is found by these names."""

from collections.abc import Iterable

from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Statements

_ROWS_MAX = 200  # per statement


async def add_units(statements: Statements, dialect: Dialect, used: Iterable[tuple[int, str]]) -> None:
    """Add names' ids with units that products have. What is there already stays as it is."""
    # In one order in every transaction, so that two that add the same cannot wait for each other.
    pairs = sorted(used)
    for start in range(0, len(pairs), _ROWS_MAX):
        rows = pairs[start : start + _ROWS_MAX]
        await statements.execute(
            f"{dialect.insert_ignore} INTO name_units (name_id, unit) VALUES {', '.join(['(%s, %s)'] * len(rows))}",
            [part for row in rows for part in row],
        )


async def fill_units(statements: Statements, dialect: Dialect, after_id: int, last_id: int) -> None:
    """Add what the products with ids above one and up to another have."""
    await statements.execute(
        f"{dialect.insert_ignore} INTO name_units (name_id, unit) SELECT DISTINCT name_id, unit FROM products"
        " WHERE id > %s AND id <= %s AND live = 1 AND name_id IS NOT NULL",
        (after_id, last_id),
    )
