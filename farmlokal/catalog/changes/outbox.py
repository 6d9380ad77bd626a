"""Noting which products a transaction changes: part of every write to `products`."""

from collections.abc import Iterable

from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Statements

IDS_PER_ROW = 500
"""Products of one row of the outbox and of the log: so little work for a load of many that it hardly shows."""

_ROWS_PER_STATEMENT = 100
_SEPARATOR = ","


async def note_changed(statements: Statements, dialect: Dialect, product_ids: Iterable[int | None]) -> None:
    """Note that the transaction of `statements` changes what is shown of products; one too many does no harm.

    One statement, whatever their number up to 50,000; none where there is none. None among the ids counts for nothing.
    """
    rows = rows_of(sorted({one for one in product_ids if one is not None}))
    value = f"(%s, {dialect.unix_time_sql})"
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        texts = [text_of(ids) for ids in rows[start : start + _ROWS_PER_STATEMENT]]
        await statements.execute(
            f"INSERT INTO change_outbox (product_ids, noted_at) VALUES {', '.join([value] * len(texts))}", texts
        )


def rows_of(product_ids: list[int]) -> list[list[int]]:
    """The ids in rows of at most IDS_PER_ROW."""
    return [product_ids[start : start + IDS_PER_ROW] for start in range(0, len(product_ids), IDS_PER_ROW)]


def text_of(product_ids: Iterable[int]) -> str:
    """The column `product_ids`."""
    return _SEPARATOR.join(map(str, product_ids))


def ids_in(text: str) -> list[int]:
    """The products of a column `product_ids`, in their order."""
    return list(map(int, text.split(_SEPARATOR)))
