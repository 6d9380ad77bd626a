"""The retention of the log: what is older than the stated time is forgotten, in batches."""

from datetime import timedelta

from farmlokal.database.interface import Database, Session
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

_EVERY_S = 3600
# At most 500,000 products, and 4 MB.
_ROWS_AT_ONCE = 1000


class Forgetting:
    """Deletes what was numbered more than so many days ago; mirrors that are further behind start over."""

    def __init__(self, database: Database, *, keep_days: int) -> None:
        self._database = database
        self._keep = timedelta(days=keep_days)

    def __repr__(self) -> str:
        return f"<Forgetting keep={self._keep.days} days>"

    async def keep(self) -> None:
        """Forget now and every hour, until cancelled."""
        await every(_EVERY_S, self.forget_due, log=_log, failed="old changes could not be forgotten")

    async def forget_due(self) -> int:
        """Forget all that is due. Returns how many rows of the log that were. Raises DatabaseUnavailable."""
        forgotten = 0
        while rows := await self._database.in_transaction(self._forget_some):
            forgotten += rows
        if forgotten:
            _log.info("old changes forgotten", rows=forgotten)
        return forgotten

    async def _forget_some(self, session: Session) -> int:
        dialect = self._database.dialect
        # Whoever numbers, or forgets, is alone: so the two numbers in this row are always those of the log.
        await session.fetch(f"SELECT last FROM change_log WHERE id = 1{dialect.for_update}")
        oldest = await session.fetch(
            f"SELECT number, numbered_at < {dialect.unix_time_sql} - %s FROM changes ORDER BY number"
            f" LIMIT {_ROWS_AT_ONCE}",
            (int(self._keep.total_seconds()),),
        )
        due = [number for number, late in oldest if late]
        if not due:
            return 0
        await session.execute("DELETE FROM changes WHERE number <= %s", (due[-1],))
        await session.execute("UPDATE change_log SET forgotten = %s WHERE id = 1", (due[-1],))
        return len(due)
