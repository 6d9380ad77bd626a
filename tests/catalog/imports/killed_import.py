"""`python -m tests.catalog.imports.killed_import KILL_AT ARGUMENTS…`: the command, which is killed on its way.

Counted are the statements that change something and the commits after them; at number KILL_AT the process dies, as by
`kill -9`: before a statement, or right after a commit. With 0 it lives, and its last two lines are the numbers of those
that changed the schema, and the count.
"""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from farmlokal.cli import filling, process
from farmlokal.cli.main import cli
from farmlokal.database.interface import Database, Params, ReadyRow, Row, Session, Statements, T
from farmlokal.settings import Settings


class Counted:
    """Counts steps, and dies at one of them."""

    def __init__(self, kill_at: int) -> None:
        self._kill_at = kill_at
        self.steps = 0
        self.of_schema: list[int] = []

    def step(self) -> None:
        """One more."""
        self.steps += 1
        if self.steps == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def open_database(self, settings: Settings) -> Database:
        """The settings' database, of which every change is a step."""
        database = process.open_database(settings)
        in_transaction = database.in_transaction

        async def counted(work: Callable[[Session], Awaitable[T]]) -> T:
            async def wrapped(session: Session) -> T:
                return await work(CountedSession(session, self))

            result = await in_transaction(wrapped)
            self.step()
            return result

        exclusively = database.exclusively

        async def counted_alone(work: Callable[[Statements], Awaitable[T]]) -> T:
            first = self.steps + 1

            async def wrapped(statements: Statements) -> T:
                return await work(CountedSession(statements, self))

            result = await exclusively(wrapped)
            self.step()
            self.of_schema += range(first, self.steps + 1)
            return result

        database.in_transaction = counted  # type: ignore[method-assign]
        database.exclusively = counted_alone  # type: ignore[method-assign]
        return database


class CountedSession:
    """A session of which every change is a step."""

    def __init__(self, session: Statements, counted: Counted) -> None:
        self._session: Any = session
        self._counted = counted

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """Look, which is no step."""
        rows: list[Row] = await self._session.fetch(sql, params)
        return rows

    async def execute(self, sql: str, params: Params = ()) -> int:
        """Run a statement, unless the process dies before."""
        self._counted.step()
        return int(await self._session.execute(sql, params))

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """The same for many rows."""
        self._counted.step()
        await self._session.execute_many(sql, rows)

    async def insert_many(self, sql: str, rows: Sequence[ReadyRow]) -> list[int]:
        """The same for new ones."""
        self._counted.step()
        ids: list[int] = await self._session.insert_many(sql, rows)
        return ids

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def main() -> None:
    """Run the command with the arguments after KILL_AT."""
    counted = Counted(int(sys.argv[1]))
    filling.open_database = counted.open_database  # type: ignore[attr-defined]
    try:
        cli(sys.argv[2:])
    finally:
        print(*counted.of_schema)  # noqa: T201
        print(counted.steps)  # noqa: T201


if __name__ == "__main__":
    main()
