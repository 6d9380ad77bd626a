"""How many statements transactions take: by what they ask for, and by the server's own counters."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, cast

from farmlokal.database.interface import Database, Params, ReadyRow, Row, Session, T, TextRow

# What the server itself counts of one connection; SHOW STATUS is none of them.
_SERVER_COUNTS = (
    "SHOW SESSION STATUS WHERE Variable_name IN ('Com_select', 'Com_insert', 'Com_insert_select', 'Com_update',"
    " 'Com_update_multi', 'Com_delete', 'Com_replace')"
)


class CountingDatabase:
    """Another database's transactions, which remember their statements. Everything else is the other's.

    asked: the first words of every statement that a transaction asked for, one for each row where the rows are many.
    executed: how many statements the server counted meanwhile; equal to the length of `asked` on SQLite.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked: list[str] = []
        self.executed = 0

    def __getattr__(self, name: str) -> Any:
        """Whatever is no transaction."""
        return getattr(self._database, name)

    async def in_transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """See Database.in_transaction."""

        async def counted(session: Session) -> T:
            counting = _CountingSession(session, self.asked)
            before = await self._counted(session)
            result = await work(cast("Session", counting))
            self.executed += await self._counted(session) - before
            return result

        return await self._database.in_transaction(counted)

    async def _counted(self, session: Session) -> int:
        if self._database.dialect.name == "sqlite":
            return len(self.asked)
        return sum(int(count) for _, count in await session.fetch(_SERVER_COUNTS))


class _CountingSession:
    def __init__(self, session: Session, asked: list[str]) -> None:
        self._session = session
        self._asked = asked

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        self._count(sql)
        return await self._session.fetch(sql, params)

    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        self._count(sql)
        return await self._session.fetch_texts(sql, params)

    async def execute(self, sql: str, params: Params = ()) -> int:
        self._count(sql)
        return await self._session.execute(sql, params)

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        rows = list(rows)
        for _ in rows[:1] if sql.startswith("INSERT") else rows:
            self._count(sql)
        await self._session.execute_many(sql, rows)

    async def insert_many(self, sql: str, rows: Sequence[ReadyRow]) -> list[int]:
        if rows:
            self._count(sql)
        return await self._session.insert_many(sql, rows)

    def defer(self, sql: str, rows: Iterable[Params]) -> None:
        rows = list(rows)
        for _ in rows[:1] if sql.startswith("INSERT") else rows:
            self._count(sql)
        self._session.defer(sql, rows)

    def _count(self, sql: str) -> None:
        words = sql.split()
        place = {"SELECT": "FROM", "INSERT": "INTO", "DELETE": "FROM"}.get(words[0])
        self._asked.append(f"{words[0]} {words[1 if place is None else words.index(place) + 1]}")
