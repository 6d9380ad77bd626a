"""The table `unheard_tags`: cache tags that a process could not send to Redis, left for those that can.

Rows are only added and deleted. Two writers never wait for each other there, and who has sent a row's tags deletes no
later row of the same tags with it.
"""

import asyncio
from collections.abc import Iterable, Sequence

import orjson

from farmlokal.database.dialect import IN_VALUES_MAX
from farmlokal.database.interface import Database, Session
from farmlokal.errors import DatabaseUnavailable

_TAGS_PER_ROW = 500
# Whoever waits for it has more to do: the same tags are left again soon.
_LEAVE_MAX_S = 2.0


def leave_in(session: Session, tags: Iterable[str]) -> None:
    """Leave `tags` in a transaction of the caller's, with whatever else it defers."""
    named = sorted(tags)
    rows = [(orjson.dumps(named[at : at + _TAGS_PER_ROW]).decode(),) for at in range(0, len(named), _TAGS_PER_ROW)]
    session.defer("INSERT INTO unheard_tags (tags) VALUES (%s)", rows)


class UnheardTags:
    """The table, in transactions of its own. Every method raises DatabaseUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __repr__(self) -> str:
        return f"<UnheardTags {self._database!r}>"

    async def leave(self, tags: Iterable[str]) -> None:
        """Leave `tags`. Where it fails they may have been left all the same."""

        async def work(session: Session) -> None:
            leave_in(session, tags)

        try:
            async with asyncio.timeout(_LEAVE_MAX_S):
                await self._database.in_transaction(work)
        except TimeoutError as error:
            raise DatabaseUnavailable("the database does not answer") from error

    async def read(self) -> Sequence[tuple[int, frozenset[str]]]:
        """Return what was left first, at most 500 rows: the id and the tags of each."""
        rows = await self._database.fetch(f"SELECT id, tags FROM unheard_tags ORDER BY id LIMIT {IN_VALUES_MAX}")
        return [(row_id, frozenset(orjson.loads(tags))) for row_id, tags in rows]

    async def remove(self, ids: Sequence[int], *, instead: Iterable[str] = ()) -> None:
        """Delete rows that `read` returned. instead: left in their place, unless others had deleted all of them."""

        async def work(session: Session) -> None:
            marks = ", ".join(["%s"] * len(ids))
            if await session.execute(f"DELETE FROM unheard_tags WHERE id IN ({marks})", ids):
                leave_in(session, instead)

        await self._database.in_transaction(work)
