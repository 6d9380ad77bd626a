"""SQL expressions that make a JSON object of a row: what the database renders, nobody has to parse and render again.

The two backends take different ways to the same text: compact, its fields in the order given. MySQL's own JSON_OBJECT
would sort them by length.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple


class JsonKind(Enum):
    """What an expression's values are, and so how they look in JSON. All but PLAIN may be NULL, which is `null`."""

    TEXT = "text"
    PLAIN = "plain"  # text in which nothing has to be escaped: a slug, a decimal, a time
    NUMBER = "number"
    FLAG = "flag"  # 0 or 1, never NULL
    OBJECT = "object"  # itself JSON


class JsonField(NamedTuple):
    """One field of an object: its name, and the SQL expression for its values."""

    name: str
    kind: JsonKind
    sql: str


JsonObject = Callable[[Sequence[JsonField]], str]

_MYSQL_VALUES = {
    JsonKind.TEXT: "IFNULL(JSON_QUOTE({}),'null')",
    JsonKind.PLAIN: "{}",
    JsonKind.NUMBER: "IFNULL({},'null')",
    JsonKind.FLAG: "IF({},'true','false')",
    JsonKind.OBJECT: "IFNULL({},'null')",
}
_SQLITE_VALUES = {
    JsonKind.TEXT: "{}",
    JsonKind.PLAIN: "{}",
    JsonKind.NUMBER: "{}",
    JsonKind.FLAG: "json(iif({},'true','false'))",
    JsonKind.OBJECT: "json({})",
}


def mysql_json_object(fields: Sequence[JsonField]) -> str:
    """`CONCAT('{"id":',id,',"name":',IFNULL(JSON_QUOTE(name),'null'),…,'}')`, for MySQL and MariaDB.

    The first text names a collation, because columns of different ones meet here.
    """
    pieces: list[str] = []
    text = "{"
    for number, field in enumerate(fields):
        quote = '"' if field.kind is JsonKind.PLAIN else ""
        pieces.append(f"""'{text}{"," if number else ""}"{field.name}":{quote}'""")
        pieces.append(_MYSQL_VALUES[field.kind].format(field.sql))
        text = quote
    return f"CONCAT({pieces[0]} COLLATE utf8mb4_bin,{','.join(pieces[1:])},'{text}}}')"


def sqlite_json_object(fields: Sequence[JsonField]) -> str:
    """`json_object('id', id, 'name', name, …)`, for SQLite."""
    pairs = [f"'{field.name}', {_SQLITE_VALUES[field.kind].format(field.sql)}" for field in fields]
    return f"json_object({', '.join(pairs)})"
