"""The statements of one open transaction on a MySQL or MariaDB server."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache

import aiomysql
from typing_extensions import override

from farmlokal.database.interface import Params, ReadyRow, Row, Session, TextRow
from farmlokal.database.mysql_connection import Connection
from farmlokal.database.mysql_plain_values import fill_plain
from farmlokal.telemetry.tracing import statement_span

_SYSTEM = "mysql"  # in traces; a MariaDB too, which speaks the same protocol
# No statement of a transaction takes this long, waiting for locks included: past it the server is not answering.
_TRANSACTION_ANSWER_MAX_S = 30
# One round trip for so many UPDATEs: measured on loopback, 1.5 times as many rows a second as one by one.
_STATEMENTS_AT_ONCE = 100
# One INSERT of many rows, or several statements, below what every server takes by default.
_INSERT_BYTES_MAX = 1_000_000


class MySQLSession(Session):
    """One open transaction on one connection."""

    def __init__(self, connection: Connection, cursor: aiomysql.Cursor) -> None:
        self._connection = connection
        self._cursor = cursor
        self._deferred: list[str] = []

    @override
    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        await self.run_deferred()
        async with answered(sql):
            await self._cursor.execute(sql, params)
        return list(self._cursor._rows or ())

    @override
    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        await self.run_deferred()
        with statement_span(_SYSTEM, sql):
            # Rows to be changed have times and fractions, for which text is asked anyway.
            return await self._connection.fetch_texts(sql, params, _TRANSACTION_ANSWER_MAX_S, preparing=False)

    @override
    async def execute(self, sql: str, params: Params = ()) -> int:
        await self.run_deferred()
        async with answered(sql):
            return int(await self._cursor.execute(sql, params))

    @override
    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        # INSERT … VALUES is folded into statements of many rows; other statements are sent many at a time.
        rows = list(rows)
        if sql.startswith("INSERT"):
            await self.run_deferred()
            for statement, _ in self._folded(sql, rows):
                with statement_span(_SYSTEM, statement):
                    await self._connection.run(statement, _TRANSACTION_ANSWER_MAX_S)
            return
        for start in range(0, len(rows), _STATEMENTS_AT_ONCE):
            self.defer(sql, rows[start : start + _STATEMENTS_AT_ONCE])
            await self.run_deferred()

    @override
    def defer(self, sql: str, rows: Iterable[Params]) -> None:
        if sql.startswith("INSERT"):
            self._deferred += (statement for statement, _ in self._folded(sql, list(rows)))
        else:
            self._deferred += (self._cursor.mogrify(sql, row) for row in rows)

    async def run_deferred(self) -> None:
        """Run what was deferred, in one round trip unless it is long."""
        deferred, self._deferred = self._deferred, []
        for statements in _in_packets(deferred):
            with statement_span(_SYSTEM, statements[0]):
                await self._connection.run(";".join(statements), _TRANSACTION_ANSWER_MAX_S)

    @override
    async def insert_many(self, sql: str, rows: Sequence[ReadyRow]) -> list[int]:
        await self.run_deferred()
        ids: list[int] = []
        for statement, inserted in self._folded(sql, rows):
            ids += await (self._insert_mariadb if self._connection.is_mariadb else self._insert)(statement, inserted)
        return ids

    async def _insert_mariadb(self, statement: str, _: int) -> list[int]:
        """Insert, and let the server return each id, in the order of the rows.

        Counting from the first, as for MySQL, would be wrong under Galera: there the step between two ids changes with
        the number of servers, also while a connection is open.
        """
        with statement_span(_SYSTEM, statement):
            rows = await self._connection.texts_of(f"{statement} RETURNING id", _TRANSACTION_ANSWER_MAX_S)
        return [int(row[0] or 0) for row in rows]

    async def _insert(self, statement: str, inserted: int) -> list[int]:
        """Insert, and count the ids from the first, the only one that MySQL reports.

        It numbers the rows of one INSERT … VALUES without gaps, whatever others insert meanwhile, in every
        innodb_autoinc_lock_mode; Connector/J counts the same way. The step is more than 1 where several servers of a
        group take writes; a connection keeps the one that it began with, and is asked for it once.
        """
        async with answered(statement):
            await self._cursor.execute(statement)
        first = self._cursor.lastrowid
        if inserted == 1:
            return [first]
        if self._connection.id_step is None:
            ((self._connection.id_step,),) = await self.fetch("SELECT @@auto_increment_increment")
        step = self._connection.id_step
        return list(range(first, first + inserted * step, step))

    def _folded(self, sql: str, rows: Sequence[ReadyRow]) -> Iterator[tuple[str, int]]:
        """INSERT INTO … VALUES (…), (…), … of as many rows as fit into one statement, and how many these are."""
        head, marks, tail = _insert_parts(sql)
        filled = self._connection.filled
        values: list[str] = []
        length = 0
        for row in rows:
            value = row if isinstance(row, str) else filled(marks, row)
            value_bytes = len(value) if value.isascii() else len(value.encode())
            if values and length + value_bytes > _INSERT_BYTES_MAX:
                yield f"{head}{','.join(values)}{tail}", len(values)
                values, length = [], 0
            values.append(value)
            length += value_bytes + 1
        if values:
            yield f"{head}{','.join(values)}{tail}", len(values)


def written_rows(sql: str, rows: Sequence[Params]) -> list[ReadyRow]:
    """See Database.ready_rows: those that no connection has to escape are written."""
    _, marks, _ = _insert_parts(sql)
    return [fill_plain(marks, row) or row for row in rows]


@lru_cache(maxsize=256)
def _insert_parts(sql: str) -> tuple[str, str, str]:
    """INSERT INTO … VALUES (…) …, in three: as far as VALUES, the values of one row, what comes after them."""
    start = sql.index(" VALUES ") + len(" VALUES ")
    depth = 0
    for at in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[at], 0)
        if depth == 0:
            return sql[:start], sql[start : at + 1], sql[at + 1 :]
    raise AssertionError(f"no values: {sql}")


def _in_packets(statements: Iterable[str]) -> Iterator[list[str]]:
    """As many statements together as fit into one packet."""
    packet: list[str] = []
    length = 0
    for statement in statements:
        if packet and length + len(statement) > _INSERT_BYTES_MAX:
            yield packet
            packet, length = [], 0
        packet.append(statement)
        length += len(statement)
    if packet:
        yield packet


@asynccontextmanager
async def answered(sql: str, *, wait_max_s: float | None = None) -> AsyncIterator[None]:
    """Put a bound on the time of one statement of a transaction, and a span around it.

    wait_max_s: seconds; by default what no statement takes, waiting for locks included.
    """
    with statement_span(_SYSTEM, sql):
        async with asyncio.timeout(_TRANSACTION_ANSWER_MAX_S if wait_max_s is None else wait_max_s):
            yield
