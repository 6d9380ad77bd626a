"""The rows that a batch of changes is about, read and locked at once, by their identities or by former ones."""

from collections.abc import Sequence
from typing import Any

from farmlokal.catalog.records import MARKET_SOURCE
from farmlokal.catalog.writing.versions import Identity, Stored
from farmlokal.database.dialect import IN_VALUES_MAX, Dialect
from farmlokal.database.interface import Database, Session

_READ = "external_id, id, version, digest, live, category, stock, created_at, lat, lon"


async def lock_rows(session: Session, dialect: Dialect, identities: Sequence[Identity]) -> dict[Identity, Stored]:
    """Read and lock the rows of `identities`: nothing of them is read again, before or after the write."""
    stored: dict[Identity, Stored] = {}
    for source, names in by_source(identities):
        marks = ", ".join(["%s"] * len(names))
        rows = await session.fetch_texts(
            f"SELECT {_READ} FROM products WHERE source = %s AND external_id IN ({marks}){dialect.for_update}",
            [source, *names],
        )
        stored |= {(source, external_id): row for external_id, row in (_stored(dialect, *row) for row in rows)}
    return stored


def _stored(dialect: Dialect, *columns: Any) -> tuple[str, Stored]:
    """External id and row of the texts of `_READ`."""
    external_id, row_id, version, digest, live, category, stock, created_at, lat, lon = columns
    return external_id.decode(), Stored(
        int(row_id),
        int(version),
        digest.decode(),
        live == b"1",
        category.decode(),
        int(stock),
        dialect.time_out(created_at.decode()),
        None if lat is None else float(lat),
        None if lon is None else float(lon),
    )


async def any_moved(session: Session, identities: Sequence[Identity]) -> bool:
    """Whether any product of the sources of `identities` was once known under another identity."""
    if all(source != MARKET_SOURCE for source, _ in identities):
        return False
    return await any_former(session, MARKET_SOURCE)


async def any_former(reading: Database | Session, source: str) -> bool:
    """Whether any product of `source` was once known under another identity."""
    return bool(await reading.fetch("SELECT 1 FROM product_identities WHERE source = %s LIMIT 1", (source,)))


async def lock_moved(
    session: Session, dialect: Dialect, stored: dict[Identity, Stored], identities: Sequence[Identity]
) -> dict[Identity, Identity]:
    """Let identities under which products were once known lead to the row that they have now.

    Returns what such products are called now. Who is on offer is called what it is called.
    """
    lost = [
        identity
        for identity in identities
        if identity[0] == MARKET_SOURCE and (identity not in stored or not stored[identity].live)
    ]
    moved: dict[Identity, Identity] = {}
    for source, names in by_source(lost):
        marks = ", ".join(["%s"] * len(names))
        rows = await session.fetch(
            "SELECT product_identities.external_id, products.external_id FROM product_identities"
            " JOIN products ON products.id = product_identities.product_id"
            f" WHERE product_identities.source = %s AND product_identities.external_id IN ({marks})",
            [source, *names],
        )
        moved |= {(source, former): (source, current) for former, current in rows if former != current}
    if moved:
        stored |= await lock_rows(session, dialect, sorted(set(moved.values()) - stored.keys()))
        stored |= {former: stored[current] for former, current in moved.items()}
    return moved


def by_source(identities: Sequence[Identity]) -> list[tuple[str, list[str]]]:
    """The external ids of each source, as many together as a statement takes."""
    groups: dict[str, list[str]] = {}
    for source, external_id in identities:
        groups.setdefault(source, []).append(external_id)
    return [
        (source, names[start : start + IN_VALUES_MAX])
        for source, names in groups.items()
        for start in range(0, len(names), IN_VALUES_MAX)
    ]
