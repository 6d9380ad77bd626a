"""The shape of a schema: its tables, columns and indexes, as our schema file says and as the database has them."""

import re
from collections.abc import Awaitable, Callable, Iterable
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from farmlokal.database.interface import Row

_PRIMARY = "PRIMARY"
_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+) \(\n(.*)\n\)[^)]*", re.DOTALL)
_INDEX = re.compile(r"CREATE INDEX IF NOT EXISTS (\w+) ON (\w+)\s*\(([^)]*)\)")
_KEY = re.compile(r"(?:INDEX (?P<index>\w+)|CONSTRAINT (?P<unique>\w+) UNIQUE|PRIMARY KEY) \((?P<columns>[^)]*)\)")
_UNIQUE = re.compile(r"CONSTRAINT (\w+) UNIQUE \(([^)]*)\)")
# A constraint of what rows hold is made with its columns, which are looked at.
_CHECK = re.compile(r"CONSTRAINT \w+ CHECK \(.*\)")
_COLUMN = re.compile(r"(?P<name>\w+)\s+(?P<type>\w+(?:\([\w', ]+\))?)(?P<rest>.*)")
_COLLATION = re.compile(r"COLLATE (\w+)")
# MariaDB says `bigint(20)`: how many places a client may leave for it, which is no part of the type.
_DISPLAY_WIDTH = re.compile(r"(int)\(\d+\)")


class Index(NamedTuple):
    """An index: whether it is unique, and its columns in their order."""

    unique: bool
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return f"{'unique ' if self.unique else ''}({', '.join(self.columns)})"


class Table(NamedTuple):
    """A table. columns: name → type in words, such as `varchar(32) utf8mb4_bin not null`. indexes: by name."""

    columns: dict[str, str]
    indexes: dict[str, Index]


Shape = dict[str, Table]
"""The tables of a schema, by name."""

Fetch = Callable[[str], Awaitable[list[Row]]]
"""Returns the rows of one SELECT, without a limit on its time."""


def needed_shape(statements: Iterable[str]) -> Shape:
    """The shape that the CREATE statements of our own schema file make: one column or key in a line."""
    shape: Shape = {}
    for statement in statements:
        if table := _TABLE.fullmatch(statement):
            shape[table[1]] = _table(table[2])
        elif index := _INDEX.fullmatch(statement):
            shape[index[2]].indexes[index[1]] = Index(unique=False, columns=_names(index[3]))
    return shape


def differences(needed: Shape, found: Shape) -> list[str]:
    """What `found` lacks of `needed`, or has of another type: a line each. What it has beyond that is no fault."""
    lines: list[str] = []
    for name, table in needed.items():
        if name not in found:
            lines.append(f"table {name} is missing")
            continue
        columns, indexes = found[name]
        for column, kind in table.columns.items():
            if column not in columns:
                lines.append(f"column {name}.{column} is missing")
            elif not _holds(columns[column], kind):
                lines.append(f"column {name}.{column} is {columns[column]}, not {kind}")
        for index, wanted in table.indexes.items():
            if index not in indexes:
                lines.append(f"index {index} of {name} is missing: {wanted}")
            elif indexes[index] != wanted:
                lines.append(f"index {index} of {name} is {indexes[index]}, not {wanted}")
    return lines


def _holds(found: str, needed: str) -> bool:
    """Whether a column of one type is what we need. An enum may have more words at its end, of a later release."""
    words, _, rest = needed.partition(")")
    more = needed.startswith("enum(") and found.startswith(f"{words},") and found.endswith(f"){rest}")
    return found == needed or more


async def found_shape(dialect_name: str, fetch: Fetch) -> Shape:
    """The shape of what a `mysql` or `sqlite` database holds. Who may read the tables may read it."""
    return await (_sqlite_shape if dialect_name == "sqlite" else _server_shape)(fetch)


def _table(body: str) -> Table:
    table = Table({}, {})
    for line in (line.strip().removesuffix(",") for line in body.split("\n")):
        if not line or _CHECK.fullmatch(line):
            continue
        if key := _KEY.fullmatch(line):
            index = Index(unique=key["index"] is None, columns=_names(key["columns"]))
            name: str = key["index"] or key["unique"] or _PRIMARY
            table.indexes[name] = index
        elif column := _COLUMN.fullmatch(line):
            table.columns[column["name"]] = _declared_type(column["type"], column["rest"])
            if "PRIMARY KEY" in column["rest"]:
                table.indexes[_PRIMARY] = Index(unique=True, columns=(column["name"],))
        else:
            raise AssertionError(f"neither a column nor a key: {line}")
    return table


def _declared_type(kind: str, rest: str) -> str:
    collation = _COLLATION.search(rest)
    return _type(
        kind, collation and collation[1], generated="GENERATED ALWAYS" in rest, nullable="NOT NULL" not in rest
    )


def _type(kind: str, collation: str | None, *, generated: bool, nullable: bool) -> str:
    words = [_DISPLAY_WIDTH.sub(r"\1", kind.lower().replace(", ", ","))]
    if collation:
        words.append(collation)
    if generated:
        words.append("generated")
    if not nullable:
        words.append("not null")
    return " ".join(words)


def _names(columns: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in columns.split(","))


async def _server_shape(fetch: Fetch) -> Shape:
    while True:
        shape: Shape = {}
        columns = await fetch(
            "SELECT table_name, column_name, column_type, collation_name, is_nullable,"
            " COALESCE(generation_expression, '') FROM information_schema.columns"
            " WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position"
        )
        for table, column, kind, collation, nullable, expression in columns:
            shape.setdefault(table, Table({}, {})).columns[column] = _type(
                kind, collation, generated=bool(expression), nullable=nullable == "YES"
            )
        parts = await fetch(
            "SELECT table_name, index_name, non_unique, column_name FROM information_schema.statistics"
            " WHERE table_schema = DATABASE() ORDER BY table_name, index_name, seq_in_index"
        )
        # Another process may have made a table between the two: then look again.
        if all(part[0] in shape for part in parts):
            break
    for table, name, not_unique, column in parts:
        before = shape[table].indexes.get(name)
        shape[table].indexes[name] = Index(not not_unique, ((*before.columns, column) if before else (column,)))
    return shape


async def _sqlite_shape(fetch: Fetch) -> Shape:
    """A unique constraint has no name of its own in SQLite: it is called what our file calls it, by its columns."""
    while True:
        # One statement for all tables, and one for all indexes: each is a way to the connection's thread and back.
        columns = await fetch(
            'SELECT t.name, t.sql, c.name, c.type, c."notnull", c.pk, c.hidden'
            " FROM sqlite_schema AS t, pragma_table_xinfo(t.name) AS c WHERE t.type = 'table' ORDER BY t.name, c.cid"
        )
        shape: Shape = {name: _sqlite_table(list(of_table)) for name, of_table in groupby(columns, itemgetter(0))}
        parts = await fetch(
            'SELECT t.name, i.name, i."unique", i.origin, p.name'
            " FROM sqlite_schema AS t, pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS p"
            " WHERE t.type = 'table' AND i.origin <> 'pk' ORDER BY t.name, i.name, p.seqno"
        )
        # As above: another process may have made a table between the two.
        if all(part[0] in shape for part in parts):
            break
    constraints = {(table, _names(key[2])): key[1] for table, sql, *_ in columns for key in _UNIQUE.finditer(sql)}
    for (table, name, unique, origin), of_index in groupby(parts, itemgetter(0, 1, 2, 3)):
        index = Index(bool(unique), tuple(part[-1] for part in of_index))
        ours = constraints.get((table, index.columns)) if origin == "u" else None
        shape[table].indexes[ours or name] = index
    return shape


def _sqlite_table(columns: list[Row]) -> Table:
    """A table with its columns and its primary key. columns: name, type, whether not null, place in the key, hidden."""
    keys = sorted((place, name) for *_, name, _, _, place, _ in columns if place)
    return Table(
        {
            name: _type(kind, None, generated=hidden in (2, 3), nullable=not not_null)
            for *_, name, kind, not_null, _, hidden in columns
        },
        {_PRIMARY: Index(unique=True, columns=tuple(name for _, name in keys))} if keys else {},
    )
