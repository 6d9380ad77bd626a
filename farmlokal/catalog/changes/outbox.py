"""Noting which products a transaction changes: part of every write to `products`."""

from collections.abc import Iterable

from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Session, Statements

IDS_PER_ROW = 500
"""Products of one row of the outbox and of the log: so little work for a load of many that it hardly shows."""

_ROWS_PER_STATEMENT = 100
_NOTE = "INSERT INTO change_outbox (product_ids, noted_at) VALUES"
_SEPARATOR = ","


async def note_changed(statements: Statements, dialect: Dialect, product_ids: Iterable[int | None]) -> None:
    """Note that the transaction of `statements` changes what is shown of products; one too many does no harm.

    One statement, whatever their number up to 50,000; none where there is none. None among the ids counts for nothing.
    """
    texts = _texts_of(product_ids)
    for start in range(0, len(texts), _ROWS_PER_STATEMENT):
        chunk = texts[start : start + _ROWS_PER_STATEMENT]
        await statements.execute(f"{_NOTE} {', '.join([_noted(dialect)] * len(chunk))}", chunk)


def defer_noting(session: Session, dialect: Dialect, product_ids: Iterable[int | None]) -> None:
    """What `note_changed` does, together with whatever else `session` defers."""
    session.defer(f"{_NOTE} {_noted(dialect)}", [(text,) for text in _texts_of(product_ids)])


def _texts_of(product_ids: Iterable[int | None]) -> list[str]:
    return list(map(text_of, rows_of(sorted({one for one in product_ids if one is not None}))))


def _noted(dialect: Dialect) -> str:
    return f"(%s, {dialect.unix_time_sql})"


def rows_of(product_ids: list[int]) -> list[list[int]]:
    """The ids in rows of at most IDS_PER_ROW."""
    return [product_ids[start : start + IDS_PER_ROW] for start in range(0, len(product_ids), IDS_PER_ROW)]


def text_of(product_ids: Iterable[int]) -> str:
    """The column `product_ids`."""
    return _SEPARATOR.join(map(str, product_ids))


def ids_in(text: str) -> list[int]:
    """The products of a column `product_ids`, in their order."""
    return list(map(int, text.split(_SEPARATOR)))
