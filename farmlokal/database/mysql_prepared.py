"""Statements that the server has prepared: those that a connection keeps, and the packets of their protocol. No I/O.

A page's statement is long, and parsing it takes a MySQL a third of the time in which it answers. Prepared, a statement
is parsed once on each connection; what is sent for a page are its parameters.
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase_ps.html
"""

import struct
from collections import OrderedDict

from pymysql.constants import COMMAND, FIELD_TYPE
from typing_extensions import override

from farmlokal.database.interface import Params, TextRow
from farmlokal.database.mysql_texts import LENGTH_BYTES, Answer, TextResult

# The server keeps about 60 KB for each, and 16,382 at most for all connections together.
_KEPT_MAX = 64
# What has hundreds of ranges hardly ever comes again.
_CHARS_MAX = 8192
# A question's shape that comes again on a connection while so many others come is worth it.
_SEEN_MAX = 256
_LONG_MAX = 2**63 - 1
_INT, _TEXT = (bytes([one, 0]) for one in (FIELD_TYPE.LONGLONG, FIELD_TYPE.VAR_STRING))
# No cursor, one execution; after the bits of what is NULL, types follow.
_EXECUTE = struct.Struct("<IBI")
_TYPES_FOLLOW = b"\x01"
# Bytes of a whole number in a row, by its type. Everything else that pages select is text, with its length before it.
_WHOLE = {
    FIELD_TYPE.TINY: 1,
    FIELD_TYPE.SHORT: 2,
    FIELD_TYPE.INT24: 4,
    FIELD_TYPE.LONG: 4,
    FIELD_TYPE.LONGLONG: 8,
}
_TEXTS = frozenset(
    {
        *(FIELD_TYPE.NULL, FIELD_TYPE.DECIMAL, FIELD_TYPE.NEWDECIMAL, FIELD_TYPE.VARCHAR, FIELD_TYPE.VAR_STRING),
        *(FIELD_TYPE.STRING, FIELD_TYPE.TINY_BLOB, FIELD_TYPE.BLOB, FIELD_TYPE.MEDIUM_BLOB, FIELD_TYPE.LONG_BLOB),
    }
)
# From the end of a column's description: its type, and flags of which one says that numbers have no sign.
_TYPE_AT, _FLAGS_AT, _UNSIGNED = 6, 5, 0x20
# In front of a row: a zero, and a bit for each column, of which the first two mean nothing.
_ROW_HEAD, _SPARE_BITS = 1, 2


Kinds = tuple[type, ...]
"""The types of a statement's parameters."""


def kinds_of(params: Params) -> Kinds:
    """Those of some parameters."""
    return tuple(map(type, params))


class PreparedStatements:
    """The statements that one connection's server has prepared, by their text; the one used last stands last."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, tuple[int | None, Kinds]] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._refused = False

    def __repr__(self) -> str:
        return f"<PreparedStatements {len(self._ids)} refused={self._refused}>"

    def find(self, sql: str, kinds: Kinds) -> int | None:
        """The number that the server gave to a statement, prepared for parameters of these kinds; None for no such.

        None, too, for one that is kept as one to be sent as text.
        """
        found = self._ids.get(sql)
        if found is None or found[1] != kinds:
            return None
        self._ids.move_to_end(sql)
        return found[0]

    def is_worth(self, sql: str) -> bool:
        """Whether to prepare a statement that is not: it came here before, not long ago. Remembers that it came."""
        if self._refused or len(sql) > _CHARS_MAX or sql in self._ids:
            return False
        if sql in self._seen:
            return True
        self._seen[sql] = None
        if len(self._seen) > _SEEN_MAX:
            self._seen.popitem(last=False)
        return False

    def keep(self, sql: str, kinds: Kinds, statement_id: int) -> bytes:
        """Remember what the server prepared. Returns the packet that has it forget another one, or nothing.

        kinds: of the parameters. To the kinds that come first MySQL turns all that come later: a text to 0.
        """
        self._seen.pop(sql, None)
        self._ids[sql] = statement_id, kinds
        if len(self._ids) <= _KEPT_MAX:
            return b""
        _, (dropped, _) = self._ids.popitem(last=False)
        return b"" if dropped is None else closing(dropped)

    def keep_as_text(self, sql: str) -> bytes:
        """Remember that a kept statement is to be sent as text. Returns the packet that has the server forget it."""
        statement_id, kinds = self._ids[sql]
        self._ids[sql] = None, kinds
        return b"" if statement_id is None else closing(statement_id)

    def drop(self, sql: str) -> None:
        """Forget a statement that the server does not know any more."""
        self._ids.pop(sql, None)

    def refuse(self) -> None:
        """Prepare no more: the server has as many as it takes, or does not prepare such statements."""
        self._refused = True


def packet(command: int, payload: bytes) -> bytes:
    """A command with its payload, as the first packet of an exchange."""
    return struct.pack("<iB", len(payload) + 1, command) + payload


def closing(statement_id: int) -> bytes:
    """The packet that has the server forget a statement."""
    return packet(COMMAND.COM_STMT_CLOSE, statement_id.to_bytes(4, "little"))


def execution(statement_id: int, params: Params) -> bytes | None:
    """The packet that runs a prepared statement; None where a parameter is of a kind that only text has."""
    types, values = bytearray(), bytearray()
    for value in params:
        kind = type(value)
        if kind is int and -_LONG_MAX <= value <= _LONG_MAX:
            types += _INT
            values += value.to_bytes(8, "little", signed=True)
        elif kind is str:
            text = value.encode()
            types += _TEXT
            values += _length(len(text))
            values += text
        else:
            return None
    # No parameter is NULL.
    bound = bytes((len(params) + 7) // 8) + _TYPES_FOLLOW + types + values if params else b""
    return packet(COMMAND.COM_STMT_EXECUTE, _EXECUTE.pack(statement_id, 0, 1) + bound)


def _length(size: int) -> bytes:
    if size < 0xFB:
        return bytes([size])
    return b"\xfc" + size.to_bytes(2, "little") if size < 0x10000 else b"\xfd" + size.to_bytes(3, "little")


class Preparation(Answer):
    """The answer to PREPARE. Once it is `done`, `statement_id` is the number that the server gave to the statement.

    What it says of columns is passed over: before a MariaDB has seen parameters, it takes them for fractions.
    """

    def __init__(self) -> None:
        super().__init__()
        self.statement_id = 0
        self._following = -1

    @override
    def _packet(self, unread: bytes, begin: int, end: int) -> None:
        if self._following < 0:
            self.statement_id = int.from_bytes(unread[begin + 1 : begin + 5], "little")
            # Descriptions of the parameters, then of the columns, each with an end.
            self._following = sum(number + 1 for number in struct.unpack_from("<HH", unread, begin + 5) if number)
        else:
            self._following -= 1
        self.done = self._following == 0


class PreparedResult(TextResult):
    """The answer to the execution of a prepared SELECT: its numbers come as such, and become texts here.

    readable: whether they do. Where one column is a time or a number with a fraction, no row is read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readable = True
        # Of each column the bytes of its number, 0 for a text, and whether numbers have a sign.
        self._kinds: list[tuple[int, bool]] = []

    @override
    def _described(self, unread: bytes, end: int) -> None:
        kind = unread[end - _TYPE_AT]
        self.readable = self.readable and (kind in _WHOLE or kind in _TEXTS)
        self._kinds.append((_WHOLE.get(kind, 0), not unread[end - _FLAGS_AT] & _UNSIGNED))

    @override
    def _row(self, unread: bytes, at: int) -> TextRow:
        if not self.readable:
            return []
        begin = at + _ROW_HEAD
        at = begin + (len(self._kinds) + 7 + _SPARE_BITS) // 8
        nulls = int.from_bytes(unread[begin:at], "little") >> _SPARE_BITS
        row: list[bytes | None] = []
        for width, signed in self._kinds:
            if nulls & 1:
                row.append(None)
            elif width:
                row.append(b"%d" % int.from_bytes(unread[at : at + width], "little", signed=signed))
                at += width
            else:
                length = unread[at]
                at += 1
                if length in LENGTH_BYTES:
                    more = LENGTH_BYTES[length]
                    length = int.from_bytes(unread[at : at + more], "little")
                    at += more
                row.append(unread[at : at + length])
                at += length
            nulls >>= 1
        return row
