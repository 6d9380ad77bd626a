"""The runs of the sync in the database, which alone decides which process works on one.

A run has a holder and a lease. Everything that a holder writes is conditional on its still being the holder, in the
same transaction as the rows: one that lost its lease, however late it notices, changes nothing any more.
"""

import secrets
import time
from collections.abc import Callable, Sequence

from farmlokal.database.interface import Database, Session
from farmlokal.partner.sync.run import BURIED, Reject, Run, RunState

# Long against a stall of the event loop or the database, short for callers that wait for a dead holder's run.
LEASE_S = 10
# Kept to be looked at. What is counted is counted all the same.
REJECTS_MAX = 1000
RUNS_KEPT = 100
_ERROR_CHARS_MAX = 1000
_EXTERNAL_ID_CHARS_MAX = 191

_STORED = Run._fields[:-1]
_COUNTED = _STORED[_STORED.index("as_of") : _STORED.index("started_ms")]


class LeaseLost(Exception):
    """Another process works on the run by now."""


class SyncRuns:
    """The runs of one source's sync."""

    def __init__(
        self,
        database: Database,
        source: str,
        *,
        lease_s: int = LEASE_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """lease_s: whole seconds for which a holder is believed to be alive. clock: Unix seconds."""
        self._database = database
        self._source = source
        self.lease_s = lease_s
        self._clock = clock
        self._now = database.dialect.unix_time_sql
        self._select = f"SELECT {', '.join(_STORED)}, lease_until > {self._now} FROM sync_runs"

    def __repr__(self) -> str:
        return f"<SyncRuns {self._source} lease_s={self.lease_s}>"

    def now_ms(self) -> int:
        """Returns the present time in Unix milliseconds."""
        return round(self._clock() * 1000)

    async def last_done_ms(self) -> int | None:
        """Returns when the last run that was done ended, in Unix milliseconds; None before the first."""
        rows = await self._database.fetch(
            "SELECT finished_ms FROM sync_runs WHERE source = %s AND state = 'done' ORDER BY id DESC LIMIT 1",
            (self._source,),
        )
        return int(rows[0][0]) if rows else None

    async def claim(self, holder: str, *, full: bool) -> Run:
        """Returns the run to work on or to wait for; it is the caller's to work on when its holder is `holder`.

        An unfinished run whose holder is gone is taken over, save that an incremental one is given up for a full one.
        Without an unfinished run a new one begins, since the last one's `as_of` unless `full`.
        """

        async def work(session: Session) -> str:
            condition = f"WHERE source = %s AND unfinished = 1{self._database.dialect.for_update}"
            rows = await session.fetch(f"{self._select} {condition}", (self._source,))
            if rows:
                run = Run(*rows[0])
                if run.held:
                    return run.run
                if run.full_walk or not full:
                    await self._take_over(session, run, holder)
                    return run.run
                await session.execute(
                    "UPDATE sync_runs SET state = 'failed', unfinished = NULL, finished_ms = %s, error = %s"
                    " WHERE id = %s",
                    (self.now_ms(), "was interrupted, and a full sync took its place", run.id),
                )
            return await self._begin(session, holder, full=full)

        name = await self._database.in_transaction(work)
        run = await self.get(name)
        if run is None:
            raise AssertionError(f"run {name} was stored and is not there")
        return run

    async def get(self, name: str) -> Run | None:
        """Returns the run called `name`; None where there is none."""
        rows = await self._database.fetch(f"{self._select} WHERE run = %s", (name,))
        return Run(*rows[0]) if rows else None

    async def rejects(self, run: Run) -> list[Reject]:
        """Returns the first REJECTS_MAX rejected rows of `run`, in the feed's order."""
        rows = await self._database.fetch(
            "SELECT external_id, reason FROM sync_rejects WHERE run_id = %s ORDER BY number", (run.id,)
        )
        return [Reject(*row) for row in rows]

    async def beat(self, run: Run) -> None:
        """Lengthen the lease. Raises LeaseLost."""
        await self._database.in_transaction(lambda session: self._hold(session, run, "", ()))

    async def advance(self, session: Session, before: Run, after: Run, rejects: Sequence[Reject]) -> None:
        """Store the place and the counts of `after`, in the transaction of the rows that brought `before` there.

        Raises LeaseLost, which must undo that transaction.
        """
        changes = "".join(f", {name} = %s" for name in _COUNTED)
        await self._hold(session, before, changes, [getattr(after, name) for name in _COUNTED])
        kept = [
            [before.id, number, one.external_id and one.external_id[:_EXTERNAL_ID_CHARS_MAX], one.reason[:500]]
            for number, one in enumerate(rejects, start=before.rejected + 1)
            if number <= REJECTS_MAX
        ]
        if kept:
            await session.execute_many(
                "INSERT INTO sync_rejects (run_id, number, external_id, reason) VALUES (%s, %s, %s, %s)", kept
            )

    async def pass_burial(self, run: Run, buried: int) -> None:
        """Store that `buried` products were marked gone, and that none is left to be. Raises LeaseLost."""
        changes = ", walked = %s, deleted = deleted + %s"
        await self._database.in_transaction(lambda session: self._hold(session, run, changes, (BURIED, buried)))

    async def end(
        self, run: Run, state: RunState, *, error: str | None = None, retry_after_s: int | None = None
    ) -> None:
        """End the holder's work on `run`, which an interrupted one survives. Raises LeaseLost."""
        unfinished = 1 if state is RunState.INTERRUPTED else None
        changes = ", state = %s, unfinished = %s, finished_ms = %s, error = %s, retry_after_s = %s"
        shortened = error and error[:_ERROR_CHARS_MAX]
        values = (state, unfinished, self.now_ms(), shortened, retry_after_s)
        await self._database.in_transaction(lambda session: self._hold(session, run, changes, values, lease_s=0))

    async def _hold(
        self, session: Session, run: Run, changes: str, values: Sequence[object], *, lease_s: int | None = None
    ) -> None:
        """UPDATE sync_runs SET (lease), (changes) WHERE id = … AND holder = … AND state = 'running'."""
        lease_s = self.lease_s if lease_s is None else lease_s
        # The count of heartbeats makes every such update a change: MySQL does not count rows that stay as they are.
        changed = await session.execute(
            f"UPDATE sync_runs SET heartbeats = heartbeats + 1, lease_until = {self._now} + %s{changes}"
            " WHERE id = %s AND holder = %s AND state = 'running'",
            (lease_s, *values, run.id, run.holder),
        )
        if changed != 1:
            raise LeaseLost(run.run)

    async def _take_over(self, session: Session, run: Run, holder: str) -> None:
        await session.execute(
            f"UPDATE sync_runs SET state = 'running', holder = %s, lease_until = {self._now} + %s,"
            " heartbeats = heartbeats + 1, finished_ms = NULL, error = NULL, retry_after_s = NULL WHERE id = %s",
            (holder, self.lease_s, run.id),
        )

    async def _begin(self, session: Session, holder: str, *, full: bool) -> str:
        last = await session.fetch(
            "SELECT id, as_of FROM sync_runs WHERE source = %s AND state = 'done' ORDER BY id DESC LIMIT 1",
            (self._source,),
        )
        name = secrets.token_hex(8)
        # Two that begin at once meet at the unique key (source, unfinished): one of them tries again, and joins.
        await session.execute(
            "INSERT INTO sync_runs (run, source, full_walk, state, unfinished, holder, lease_until, updated_since,"
            f" started_ms) VALUES (%s, %s, %s, 'running', 1, %s, {self._now} + %s, %s, %s)",
            (
                name,
                self._source,
                int(full),
                holder,
                self.lease_s,
                last[0][1] if last and not full else None,
                self.now_ms(),
            ),
        )
        await self._prune(session, name, kept_id=last[0][0] if last else 0)
        return name

    async def _prune(self, session: Session, name: str, *, kept_id: int) -> None:
        """Forget old runs, but not the last one that was done (`kept_id`): its `as_of` is needed."""
        ((newest,),) = await session.fetch("SELECT id FROM sync_runs WHERE run = %s", (name,))
        oldest = newest - RUNS_KEPT
        await session.execute("DELETE FROM sync_rejects WHERE run_id <= %s AND run_id <> %s", (oldest, kept_id))
        await session.execute("DELETE FROM sync_runs WHERE id <= %s AND id <> %s", (oldest, kept_id))
