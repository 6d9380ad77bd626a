"""Deleting what a source lists no more: all of it or nothing, and nothing where it is too much to be true."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from farmlokal.catalog.wire import wire_time
from farmlokal.database.interface import Database, Params, Session

_IDS_MAX = 1000


class Listed(NamedTuple):
    """Products that a file speaks for, all of those on offer.

    condition, params: what is true of them in SQL. older: what is true of those among them that nobody has written
    since, so that they may be deleted, and its parameters.
    """

    condition: str
    params: Params
    older: str
    older_params: Params


def of_markets(source: str, prefixes: Sequence[str], version: int) -> list[Listed]:
    """The products of `source` in the markets that a file covers, market by market.

    prefixes: what the identities of each market's products begin with, up to and with a `|`. version: the file's, of
    its last day: what came from a later file is newer.
    """
    return [
        Listed(
            "source = %s AND external_id >= %s AND external_id < %s",
            (source, prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
            "version < %s",
            (version,),
        )
        for prefix in sorted(prefixes)
    ]


def of_source(source: str, before: str) -> list[Listed]:
    """All products of `source`. before: as the column `updated_at` has it; what was written since stays."""
    return [Listed("source = %s", (source,), "updated_at < %s", (before,))]


class Burial(NamedTuple):
    """What is to be deleted: ids, and how many products are on offer where they are."""

    ids: list[int]
    listed: int

    def share(self) -> float:
        """How much of what is on offer it is, from 0 to 1."""
        return len(self.ids) / self.listed if self.listed else 0.0


async def unseen(database: Database, run: str, listed: Sequence[Listed]) -> Burial:
    """The products among those `listed` that `run` did not meet."""
    ids: list[int] = []
    count = 0
    for one in listed:
        rows = await database.fetch_unlimited(
            f"SELECT COUNT(*) FROM products WHERE {one.condition} AND live = 1", one.params
        )
        count += rows[0][0]
        rows = await database.fetch_unlimited(
            f"SELECT id FROM products WHERE {one.condition} AND live = 1 AND {one.older}"
            " AND NOT EXISTS (SELECT 1 FROM sightings WHERE run = %s AND product_id = products.id)",
            (*one.params, *one.older_params, run),
        )
        ids += [row[0] for row in rows]
    return Burial(ids, count)


async def expired(database: Database, source: str, version: int) -> list[int]:
    """The ids of the products of `source` on offer whose version is below `version`."""
    rows = await database.fetch_unlimited(
        "SELECT id FROM products WHERE source = %s AND live = 1 AND version < %s", (source, version)
    )
    return [row[0] for row in rows]


async def bury(database: Database, ids: Sequence[int], older: str, older_params: Params, *, now: datetime) -> int:
    """Make tombstones of the products `ids`, in one transaction. Returns how many.

    older, older_params: what must still be true of each, since it may have been written meanwhile. The version and the
    digest stay as they are: the source said nothing, so the same version may bring a product back.
    """
    updated_at = database.dialect.time_in(wire_time(now))

    async def work(session: Session) -> int:
        buried = 0
        for start in range(0, len(ids), _IDS_MAX):
            chunk = ids[start : start + _IDS_MAX]
            buried += await session.execute(
                f"UPDATE products SET live = 0, updated_at = %s WHERE id IN ({', '.join(['%s'] * len(chunk))})"
                f" AND live = 1 AND {older}",
                (updated_at, *chunk, *older_params),
            )
        return buried

    return await database.in_transaction(work)
