"""The parser of one answer: whatever pieces it comes in, the same rows; whatever else comes, an error."""

import pytest
from pymysql.constants import CR, ER
from pymysql.err import IntegrityError, InternalError, OperationalError, ProgrammingError

from farmlokal.database.interface import TextRow
from farmlokal.database.mysql_texts import Executed, TextResult

END = b"\xfe\x00\x00\x02\x00"
OK = b"\x00\x00\x00\x02\x00\x00\x00"
MORE_RESULTS = b"\xfe\x00\x00\x08\x00"
COLUMN = b"\x03def" + b"\x00" * 20


def stream(*payloads: bytes, first: int = 1) -> bytes:
    """The payloads as packets, numbered from `first`."""
    numbered = enumerate(payloads, first)
    return b"".join(len(each).to_bytes(3, "little") + bytes([number % 256]) + each for number, each in numbered)


def cell(value: bytes | None) -> bytes:
    """One column of a row, its length before it in the shortest form."""
    if value is None:
        return b"\xfb"
    size = len(value)
    if size < 251:
        return bytes([size]) + value
    mark, width = (b"\xfc", 2) if size < 2**16 else (b"\xfd", 3)
    return mark + size.to_bytes(width, "little") + value


def answer(*rows: TextRow) -> bytes:
    """A whole answer with these rows, which have two columns."""
    return stream(b"\x02", COLUMN, COLUMN, END, *[b"".join(map(cell, row)) for row in rows], END)


def refusal(code: int) -> bytes:
    """The payload of an error."""
    return b"\xff" + code.to_bytes(2, "little") + b"#HY000no"


def parsed(*pieces: bytes) -> list[TextRow]:
    """The rows of an answer that comes in these pieces."""
    result = TextResult()
    for piece in pieces:
        assert not result.done
        result.feed(piece)
    assert result.done
    return result.rows


ROWS: list[TextRow] = [[b"a", b""], [None, b"\xfe\xff\x00"], [b"\xfe" * 3, None]]


def test_an_answer_split_anywhere() -> None:
    """Whole, in two pieces cut at every byte, and byte by byte: the same rows."""
    whole = answer(*ROWS)
    assert ROWS == parsed(whole)
    for place in range(1, len(whole)):
        assert ROWS == parsed(whole[:place], whole[place:])
    assert ROWS == parsed(*[bytes([byte]) for byte in whole])


@pytest.mark.parametrize("size", [0, 1, 250, 251, 252, 65_535, 65_536, 1_000_000])
def test_every_form_of_a_length(size: int) -> None:
    """A text of any size that fits into a packet."""
    assert [[b"x" * size, b"y"]] == parsed(answer([b"x" * size, b"y"]))


def test_more_packets_than_numbers() -> None:
    """The packets' numbers begin again after 255."""
    rows: list[TextRow] = [[b"%d" % number, None] for number in range(1000)]
    assert rows == parsed(answer(*rows))


def test_no_rows() -> None:
    """An answer may be empty."""
    assert [] == parsed(answer())


@pytest.mark.parametrize("before", [[], [b"\x02", COLUMN, COLUMN, END], [b"\x02", COLUMN, COLUMN, END, cell(b"a") * 2]])
def test_an_error_is_the_drivers_error(before: list[bytes]) -> None:
    """What the server refuses is raised as the driver would, also after some rows."""
    for code, kind in ((ER.NO_SUCH_TABLE, ProgrammingError), (1969, OperationalError), (3024, OperationalError)):
        with pytest.raises(kind) as raised:
            TextResult().feed(stream(*before, refusal(code)))
        assert code == raised.value.args[0]


def test_a_goodbye_is_a_lost_connection() -> None:
    """What a server says of its own accord has the number 0, and answers nothing."""
    with pytest.raises(OperationalError) as raised:
        TextResult().feed(stream(refusal(1053), first=0))
    assert CR.CR_SERVER_LOST == raised.value.args[0]


@pytest.mark.parametrize(
    "odd",
    [
        stream(OK),
        stream(b"\xfbfile"),
        stream(b"\x02", COLUMN, first=2),
        stream(b"\x02") + stream(COLUMN, first=1),
        stream(b"\x02", COLUMN, COLUMN, END, b""),
        stream(b"\x02", COLUMN, COLUMN, END, MORE_RESULTS),
        answer(*ROWS) + b"\x00",
        answer(*ROWS) * 2,
    ],
    ids=["no rows", "a file is wanted", "begins late", "number twice", "empty packet", "more", "a byte", "two answers"],
)
def test_what_is_no_such_answer(odd: bytes) -> None:
    """Anything else is an error, after which the connection is not used again."""
    with pytest.raises(InternalError):
        TextResult().feed(odd)


MORE_OK = b"\x00\x01\x00\x0a\x00\x00\x00"
LONG_OK = b"\x00\xfc\x2c\x01\xfd\x00\x00\x01" + b"\x0a\x00\x00\x00"  # 300 rows, the last id 65,536


def test_statements_that_change_rows_are_done_with_the_last_ones_answer() -> None:
    """Cut at any byte, several answers are over when one says that no other follows, whatever numbers they have."""
    whole = stream(MORE_OK, LONG_OK, OK)
    for place in range(1, len(whole)):
        executed = Executed()
        executed.feed(whole[:place])
        assert not executed.done
        executed.feed(whole[place:])
        assert executed.done


def test_a_statement_that_fails_is_raised_behind_those_that_did_not() -> None:
    """What the server says of it is what the driver would raise; rows in the place of an answer are none."""
    with pytest.raises(IntegrityError):
        Executed().feed(stream(MORE_OK, refusal(ER.DUP_ENTRY)))
    with pytest.raises(InternalError, match="rows"):
        Executed().feed(answer([b"a", b"b"]))
