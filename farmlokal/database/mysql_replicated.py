"""A MySQL or MariaDB writer with replicas: pages are loaded from these, where they have come far enough."""

import asyncio
from collections.abc import Sequence
from itertools import count

from typing_extensions import override

from farmlokal.database.address import MySQLAddress
from farmlokal.database.interface import Params, TextRow
from farmlokal.database.mysql import MySQLDatabase
from farmlokal.database.mysql_reader import READY_MAX_S, MySQLReader
from farmlokal.errors import DatabaseUnavailable, ReaderAway, ReaderBehind, StatementTimeout
from farmlokal.resilience.commit_positions import NEEDED, CommitPositions, Needed

# Each that lags costs a question. Where two do, the writer is nearer than the third.
_ASKED_MAX = 2

READER, UNKNOWN, BEHIND, AWAY, OLD = "reader", "writer-unknown", "writer-behind", "writer-away", "reader-old"


class ReplicatedMySQL(MySQLDatabase):
    """The writer, and `readers` in turn for what loads read by `fetch_texts`; whatever else is read is the writer's.

    reads: how many statements of loads were answered where, and why there.
    """

    def __init__(
        self,
        address: MySQLAddress,
        readers: Sequence[MySQLAddress],
        commits: CommitPositions,
        *,
        pool_size: int,
        statement_limit_ms: int,
    ) -> None:
        """commits: gets the writer's position after each COMMIT."""
        super().__init__(address, pool_size=pool_size, statement_limit_ms=statement_limit_ms, commits=commits)
        self.readers = [
            MySQLReader(reader, pool_size=pool_size, statement_limit_ms=statement_limit_ms, with_limit=self._with_limit)
            for reader in readers
        ]
        self.reads = dict.fromkeys((READER, UNKNOWN, BEHIND, AWAY, OLD), 0)
        self._turn = count()
        self._waiting_for_writer = 0  # loads

    def __repr__(self) -> str:
        return f"<ReplicatedMySQL {super().__repr__()} {self.readers} {self.reads}>"

    @override
    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        needed = NEEDED.get()
        if needed is None:
            return await super().fetch_texts(sql, params)
        found, why = await self._from_readers(sql, params, needed.positions)
        if found is None and self.hangs and self._waiting_for_writer:
            # It answers nothing, and one load finds out when it does again: the others do not wait for it.
            found = await self._without_writer(sql, params, needed)
            why = why if found is None else OLD
        if found is None:
            try:
                found = await self._from_writer(sql, params)
            except StatementTimeout:
                raise
            except DatabaseUnavailable:
                found, why = await self._without_writer(sql, params, needed), OLD
                if found is None:
                    raise
        self.reads[why] += 1
        return found

    @override
    async def close(self) -> None:
        for reader in self.readers:
            await reader.close()
        await super().close()

    async def _from_readers(
        self, sql: str, params: Params, needed: tuple[str, ...] | None
    ) -> tuple[list[TextRow] | None, str]:
        """What a replica that has all that is `needed` answers; without one None, and why."""
        if needed is None:
            return None, UNKNOWN
        why = AWAY
        for reader in self._in_turn()[:_ASKED_MAX]:
            try:
                return await reader.fetch_texts(sql, params, needed), READER
            except ReaderBehind:
                why = BEHIND
            except (ReaderAway, StatementTimeout):
                pass  # the writer may do better
        return None, why

    async def _from_writer(self, sql: str, params: Params) -> list[TextRow]:
        self._waiting_for_writer += 1
        try:
            return await super().fetch_texts(sql, params)
        finally:
            self._waiting_for_writer -= 1

    async def _without_writer(self, sql: str, params: Params, needed: Needed) -> list[TextRow] | None:
        """What any replica answers, however old: an answer that nobody calls fresh is better than none."""
        found = await self._from_any_reader(sql, params)
        if found is None:
            await self._until_one_is_up()
            found = await self._from_any_reader(sql, params)
        needed.causal = needed.causal and found is None
        return found

    async def _from_any_reader(self, sql: str, params: Params) -> list[TextRow] | None:
        for reader in self._in_turn():
            try:
                return await reader.fetch_texts(sql, params, ())
            except (ReaderAway, StatementTimeout):
                continue
        return None

    async def _until_one_is_up(self) -> None:
        """Ask those that were away at once, and wait for one of them, though not for long."""
        asked = [task for reader in self.readers if (task := reader.ask_now()) is not None]
        if asked:
            await asyncio.wait(asked, timeout=READY_MAX_S, return_when=asyncio.FIRST_COMPLETED)

    def _in_turn(self) -> list[MySQLReader]:
        """The replicas that are up, each time beginning with another."""
        first = next(self._turn) % len(self.readers)
        return [reader for reader in self.readers[first:] + self.readers[:first] if reader.up]
