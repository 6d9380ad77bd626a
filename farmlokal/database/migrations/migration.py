"""What a migration consists of."""

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Statements
from farmlokal.database.shape import Shape


class Change(NamedTuple):
    """One statement that changes the schema, or a few rows.

    name: at most 64 ASCII characters, unique within the migration. mysql, sqlite: the statement. in_place: whether a
    schema shows that it has been run. A statement that changes rows cannot be seen so, and must be safe to run again.
    changes: tables with columns of theirs that have another type until it is run, for which a server copies the table.
    """

    name: str
    mysql: str
    sqlite: str
    in_place: Callable[[Shape], bool] = lambda _: False
    changes: tuple[tuple[str, str], ...] = ()


class Sweep(NamedTuple):
    """A change of every row of a table that has a column `id`, in batches that hold their rows' locks for a moment.

    What it does to a batch is handed over by name, as one of `Batches`: it is for those to know who write the table.
    name: as a Change's. table: its name.
    """

    name: str
    table: str


Batch = Callable[[Statements, Dialect, int, int], Awaitable[object]]
"""Changes the rows with ids above the first number, up to the second.

It should change only rows that need it: before the contracting steps it runs once more, over what the release before
wrote."""

Batches = Mapping[str, Batch]
"""What each sweep does, by the sweep's name."""


class Migration(NamedTuple):
    """The way from the version before to `version`.

    usable_from: the first version whose release can use the database when the contracting steps are done.
    expand: steps that leave the release before at work: new tables, columns and indexes, and what is to be in them.
    contract: steps that take away what only the release before used, or that it could not use any more. They end with
    the version being raised.
    """

    version: int
    usable_from: int
    expand: tuple[Change | Sweep, ...]
    contract: tuple[Change, ...] = ()
