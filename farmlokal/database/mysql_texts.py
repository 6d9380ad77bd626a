"""The MySQL protocol's answer to one command, parsed as its bytes arrive: a SELECT's, above all. Does no I/O.

The driver awaits twice for each packet, and makes an object of each column's description and of each row: measured on a
page of 21 rows, several times what the rest of its work takes. Here a whole answer is usually one read and one pass.
https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset.html
"""

from abc import ABC, abstractmethod

from pymysql.constants import CR, SERVER_STATUS
from pymysql.err import InternalError, OperationalError, raise_mysql_exception
from typing_extensions import override

from farmlokal.database.interface import TextRow

_HEADER_BYTES = 4
# A longer packet is continued in the next one. No page comes near it.
_PACKET_BYTES_MAX = 0xFFFFFF
_ERROR, _END, _NULL, _OK, _LOCAL_FILE = 0xFF, 0xFE, 0xFB, 0x00, 0xFB
_END_BYTES_MAX = 8
# Of lengths of more than one byte: the first byte to how many follow.
LENGTH_BYTES = {0xFC: 2, 0xFD: 3, 0xFE: 8}


class Answer(ABC):
    """The packets of one answer. Feed it until it is `done`.

    followed: whether another answer may follow at once; what has come of it is `unread` then.
    """

    followed = False

    def __init__(self) -> None:
        self.done = False
        self._unread = b""
        self._sequence = 1

    def __repr__(self) -> str:
        return f"<{type(self).__name__} done={self.done} unread={len(self._unread)}>"

    @property
    def unread(self) -> bytes:
        """What has come and is not part of a whole packet of this answer."""
        return self._unread

    def feed(self, data: bytes) -> None:
        """Take the next bytes.

        Raises the server's error as the driver does, once all of it is here, and InternalError for what is no such
        answer: then the connection is of no more use.
        """
        unread = self._unread + data
        start, size = 0, len(unread)
        while size - start >= _HEADER_BYTES and not self.done:
            head = int.from_bytes(unread[start : start + _HEADER_BYTES], "little")
            length, sequence = head & _PACKET_BYTES_MAX, head >> 24
            begin, end = start + _HEADER_BYTES, start + _HEADER_BYTES + length
            if end > size:
                break
            if length and unread[begin] == _ERROR:
                if sequence != self._sequence:
                    # What a server sends when it ends the connection, an idle one for instance, answers no statement.
                    raise connection_lost()
                raise_mysql_exception(unread[begin:end])
            if sequence != self._sequence or not 0 < length < _PACKET_BYTES_MAX:
                raise confused(f"packet {sequence} of {length} bytes, expected packet {self._sequence}")
            self._sequence = (sequence + 1) % 256
            self._packet(unread, begin, end)
            start = end
        self._unread = unread[start:]
        if self.done and self._unread and not self.followed:
            raise confused("more than one answer")

    @abstractmethod
    def _packet(self, unread: bytes, begin: int, end: int) -> None:
        """Take the packet between `begin` and `end`, which is no error."""


class TextResult(Answer):
    """The answer to one SELECT. Once it is `done`, `rows` has what was selected."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[TextRow] = []
        self._columns = 0
        # Packets before the first row: the number of columns, each column's description, and an end.
        self._before_rows = 1

    @override
    def _packet(self, unread: bytes, begin: int, end: int) -> None:
        if self._columns == 0:
            self._columns = unread[begin]
            if self._columns in (_OK, _LOCAL_FILE) or end - begin > 1:
                raise confused("no rows")
            self._before_rows = self._columns + 1
        elif self._before_rows:
            self._before_rows -= 1
            if self._before_rows:
                self._described(unread, end)
        elif unread[begin] == _END and end - begin <= _END_BYTES_MAX:
            status = int.from_bytes(unread[begin + 3 : begin + 5], "little")
            if status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS:
                raise confused("more than one result")
            self.done = True
        else:
            self.rows.append(self._row(unread, begin))

    def _described(self, unread: bytes, end: int) -> None:
        """Take the description of the next column, which ends there: a text needs none."""

    def _row(self, unread: bytes, at: int) -> TextRow:
        row: list[bytes | None] = []
        for _ in range(self._columns):
            length = unread[at]
            at += 1
            if length == _NULL:
                row.append(None)
                continue
            if length > _NULL:
                more = LENGTH_BYTES[length]
                length = int.from_bytes(unread[at : at + more], "little")
                at += more
            row.append(unread[at : at + length])
            at += length
        return row


class FollowedResult(TextResult):
    """The answer to a SELECT that was sent together with the statement after it."""

    followed = True


class Executed(Answer):
    """The answer to one statement that changes rows, or to several that were sent as one."""

    @override
    def _packet(self, unread: bytes, begin: int, end: int) -> None:
        if unread[begin] != _OK:
            raise confused("rows")
        # How many rows it changed, and the last id, stand before the status.
        at = _behind_number(unread, _behind_number(unread, begin + 1))
        status = int.from_bytes(unread[at : at + 2], "little")
        self.done = not status & SERVER_STATUS.SERVER_MORE_RESULTS_EXISTS


def _behind_number(unread: bytes, at: int) -> int:
    """Where the number that begins at `at` ends."""
    return at + 1 + LENGTH_BYTES.get(unread[at], 0)


def confused(what: str) -> InternalError:
    """The error of an answer that is none to what was asked: its connection is of no more use."""
    return InternalError(CR.CR_COMMANDS_OUT_OF_SYNC, f"unexpected answer of the server: {what}")


def connection_lost() -> OperationalError:
    """The error of a connection that ended in the middle of an answer."""
    return OperationalError(CR.CR_SERVER_LOST, "Lost connection to MySQL server during query")
