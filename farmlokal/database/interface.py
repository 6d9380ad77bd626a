"""The interface of a database, whichever backend it is."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

from farmlokal.database.dialect import Dialect

Row = tuple[Any, ...]
TextRow = Sequence[bytes | None]
"""One row's columns as UTF-8; None for NULL."""
Params = Sequence[Any]
ReadyRow = Params | str
"""One row for an INSERT, as far as it could be written ahead."""
T = TypeVar("T")


class PoolUse(NamedTuple):
    """Connections that are at work, connections that wait for work, and callers that wait for a connection."""

    used: int
    idle: int
    waiting: int


class Statements(Protocol):
    """What runs statements one after another. They mark parameters with `%s` on every backend."""

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """Returns the rows that `sql` selects."""
        ...

    async def execute(self, sql: str, params: Params = ()) -> int:
        """Run `sql`. Returns the number of rows that it changed."""
        ...


class Session(Statements, Protocol):
    """One open transaction."""

    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        """Returns what `fetch` does, each column as text and undecoded: a fraction of the driver's work a row."""
        ...

    async def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run `sql` once for each of `rows`, in as few round trips as the driver can."""
        ...

    async def insert_many(self, sql: str, rows: Sequence[ReadyRow]) -> list[int]:
        """Insert `rows` into a table whose column `id` the database numbers. Returns the new ids, in their order.

        sql: `INSERT INTO … VALUES (%s, …)`, of one row. rows: or what `Database.ready_rows` made of them for the same
        statement. Learning the ids takes no statement of its own.
        """
        ...

    def defer(self, sql: str, rows: Iterable[Params]) -> None:
        """Run `sql`, which changes rows, once for each of `rows`: later, with whatever else is deferred.

        All of it runs in its order, in as few round trips as the driver can, before the next thing that is asked of the
        session, and at the latest before the COMMIT. That is where its errors are raised.
        """
        ...


class Database(Protocol):
    """A pool of connections. Every method raises DatabaseUnavailable when the server is away."""

    @property
    def dialect(self) -> Dialect:
        """The SQL by which this backend differs from the others."""
        ...

    @property
    def pool_use(self) -> PoolUse:
        """The use of the connections now."""
        ...

    @property
    def losses(self) -> Mapping[str, int]:
        """How many connections were lost under a statement, under `connection`, and COMMITs unknown, under `commit`."""
        ...

    @property
    def hangs(self) -> bool:
        """Whether the server answered nothing when it was last asked: what waits for it will wait long, or fail."""
        ...

    async def fetch(self, sql: str, params: Params = ()) -> list[Row]:
        """Returns the rows of one SELECT outside any transaction, retried once on a connection that turns out dead.

        Raises StatementTimeout past the statement time limit.
        """
        ...

    async def fetch_texts(self, sql: str, params: Params = ()) -> list[TextRow]:
        """Returns what `fetch` does for a SELECT of nothing but texts, undecoded: a page's rows, above all."""
        ...

    async def fetch_unlimited(self, sql: str, params: Params = ()) -> list[Row]:
        """Returns what `fetch` does, without the time limit: for background work, never on a request's path."""
        ...

    async def in_transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run `work` in one READ COMMITTED transaction and commit it. Returns its result.

        On deadlock or lock wait, and once when the connection is lost before the COMMIT, everything is rolled back and
        `work` runs again, so it must have no other effect. A COMMIT without an answer is not repeated: CommitUnknown.
        """
        ...

    def ready_rows(self, sql: str, rows: Sequence[Params]) -> Sequence[ReadyRow]:
        """Returns `rows` in the place of which `Session.insert_many` takes them with less to do. sql: as there."""
        ...

    async def exclusively(self, work: Callable[[Statements], Awaitable[T]]) -> T:
        """Run `work`, which may change the schema, while no other process is in here. Returns its result.

        It is one transaction, and may run again like one; but MySQL commits before and after each statement that
        changes the schema. Waits for another process as long as it takes. Raises RightMissing.
        """
        ...

    async def run_script(self, statements: Iterable[str]) -> None:
        """Run `statements` one after another outside any transaction: schema changes and maintenance."""
        ...

    async def ping(self) -> str | None:
        """Return when the server answers: why it takes no writes, by its role or the last one's refusal; else None."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
