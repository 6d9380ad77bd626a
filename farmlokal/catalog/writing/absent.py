"""Deleting what a source lists no more: all of it or nothing, and nothing where it is too much to be true."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from farmlokal.catalog.changes.outbox import note_changed
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


def of_markets(source: str, versions: Mapping[str, int]) -> list[Listed]:
    """The products of `source` in the markets that a file covers, market by market.

    versions: what the identities of each market's products begin with, up to and with a `|`, and the version of what
    the file says of its last day: what came from a later file is newer.
    """
    return [
        Listed(
            "source = %s AND external_id >= %s AND external_id < %s",
            (source, prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)),
            "version < %s",
            (version,),
        )
        for prefix, version in sorted(versions.items())
    ]


def of_source(source: str, before: str) -> list[Listed]:
    """All products of `source`. before: as the column `updated_at` has it; what was written since stays."""
    return [Listed("source = %s", (source,), "updated_at < %s", (before,))]


class Grave(NamedTuple):
    """Products to be deleted, by their ids.

    older, older_params: what must still be true of each in SQL, since it may have been written meanwhile.
    """

    ids: Sequence[int]
    older: str
    older_params: Params


class Burial(NamedTuple):
    """What is to be deleted, and how many products are on offer where it is."""

    graves: list[Grave]
    listed: int

    @property
    def absent(self) -> int:
        """How many products are to be deleted."""
        return sum(len(grave.ids) for grave in self.graves)

    def share(self) -> float:
        """How much of what is on offer it is, from 0 to 1."""
        return self.absent / self.listed if self.listed else 0.0


async def unseen(database: Database, run: str, listed: Sequence[Listed]) -> Burial:
    """The products among those `listed` that `run` did not meet."""
    graves: list[Grave] = []
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
        graves.append(Grave([row[0] for row in rows], one.older, one.older_params))
    return Burial(graves, count)


async def forget_between(database: Database, first: str, last: str) -> None:
    """Drop what the runs remembered whose names lie from `first` up to and without `last`."""

    async def work(session: Session) -> None:
        await session.execute("DELETE FROM sightings WHERE run >= %s AND run < %s", (first, last))

    await database.in_transaction(work)


async def expired(database: Database, source: str, version: int) -> list[int]:
    """The ids of the products of `source` on offer whose version is below `version`."""
    rows = await database.fetch_unlimited(
        "SELECT id FROM products WHERE source = %s AND live = 1 AND version < %s", (source, version)
    )
    return [row[0] for row in rows]


async def bury(database: Database, graves: Sequence[Grave], *, now: datetime) -> int:
    """Make tombstones of the products in `graves`, in one transaction. Returns how many.

    The version and the digest stay as they are: the source said nothing, so the same version may bring a product back.
    """
    updated_at = database.dialect.time_in(wire_time(now))

    async def work(session: Session) -> int:
        buried = 0
        for grave in graves:
            for start in range(0, len(grave.ids), _IDS_MAX):
                chunk = grave.ids[start : start + _IDS_MAX]
                await note_changed(session, database.dialect, chunk)
                buried += await session.execute(
                    f"UPDATE products SET live = 0, updated_at = %s WHERE id IN ({', '.join(['%s'] * len(chunk))})"
                    f" AND live = 1 AND {grave.older}",
                    (updated_at, *chunk, *grave.older_params),
                )
        return buried

    return await database.in_transaction(work)
