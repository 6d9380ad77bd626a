"""How many products each name has, counted and kept with the names."""

from farmlokal.database.interface import Database, Session

# Rows that one transaction keeps locked for a moment.
_ROWS_PER_TRANSACTION = 500


async def count_names(database: Database) -> int:
    """Count the live products of each name, and keep what has changed. Walks a whole index: background work.

    Returns how many names have another number than before. Raises DatabaseUnavailable.
    """
    hint = database.dialect.index_hint.format("listing_of_name")
    rows = await database.fetch_unlimited(
        f"SELECT name_id, COUNT(*) FROM products {hint} WHERE live = 1 GROUP BY name_id"
    )
    counted: dict[int, int] = dict(rows)
    stored = await database.fetch_unlimited("SELECT id, products FROM names ORDER BY id")
    numbers = [(counted.get(name_id, 0), name_id, products) for name_id, products in stored]
    changed = [(number, name_id) for number, name_id, before in numbers if number != before]
    for start in range(0, len(changed), _ROWS_PER_TRANSACTION):
        batch = changed[start : start + _ROWS_PER_TRANSACTION]

        async def work(session: Session, batch: list[tuple[int, int]] = batch) -> None:
            await session.execute_many("UPDATE names SET products = %s WHERE id = %s", batch)

        await database.in_transaction(work)
    return len(changed)
