"""An upgrade in a process of its own: `python -m tests.database.upgrade_process URL contract|expand [KILL_AT]`.

With KILL_AT the process kills itself: with 2n - 1 before its statement number n, with 2n after it.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.interface import Database, Params, Row, Statements, T
from farmlokal.database.migrations import MIGRATIONS
from farmlokal.database.schema import contract_schema, create_schema
from tests.database.upgrading import ALL_BATCHES, MADE_UP


class KillingStatements(Statements):
    """Statements that are counted; at the given count the process dies, as by `kill -9`."""

    def __init__(self, kill_at: int) -> None:
        self._kill_at = kill_at
        self._count = 0
        self.inner: Statements | None = None

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """Look, which is not counted."""
        assert self.inner is not None
        return await self.inner.fetch(sql, params)

    async def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement, unless the process is to die before it."""
        assert self.inner is not None
        self._step()
        rows = await self.inner.execute(sql, params)
        self._step()
        return rows

    def _step(self) -> None:
        self._count += 1
        if self._count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def kill_in(database: Database, kill_at: int) -> None:
    """Have the process die at that count of what it changes."""
    exclusively = database.exclusively
    killing = KillingStatements(kill_at)

    async def counted(work: Callable[[Statements], Awaitable[T]]) -> T:
        def wrapped(statements: Statements) -> Awaitable[T]:
            killing.inner = statements
            return work(killing)

        return await exclusively(wrapped)

    database.exclusively = counted  # type: ignore[method-assign]


async def upgrade(url: str, task: str, kill_at: int) -> None:
    """Upgrade the database at `url` with our migrations and the made-up one."""
    database = database_at(parse_address(url), pool_size=3, statement_limit_ms=2000)
    try:
        if kill_at:
            kill_in(database, kill_at)
        work = {"contract": contract_schema, "expand": create_schema}[task]
        await work(database, migrations=(*MIGRATIONS, MADE_UP), batches=ALL_BATCHES)
    finally:
        await database.close()


if __name__ == "__main__":
    asyncio.run(upgrade(sys.argv[1], sys.argv[2], int(sys.argv[3]) if sys.argv[3:] else 0))
