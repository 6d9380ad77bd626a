"""Statements that come again are prepared: the same texts, whatever comes between."""

import struct
from collections.abc import AsyncIterator, Sequence

import pytest
from pymysql.constants import COMMAND, FIELD_TYPE

from farmlokal.database.interface import Database, TextRow
from farmlokal.database.mysql_prepared import Preparation, PreparedResult, PreparedStatements, execution, packet
from tests.database.test_mysql_texts import END, cell, stream
from tests.support.backends import connect_to, database_on, on_every_server

ECHO = "SELECT %s, %s"
NUMBERS = "SELECT number, label FROM numbers WHERE number >= %s ORDER BY number LIMIT 3"


def column(kind: int, *, unsigned: bool = False) -> bytes:
    """The description of a column, as far as its type matters: that stands six bytes before its end."""
    return b"\x03def" + bytes([kind]) + struct.pack("<HBH", 0x20 if unsigned else 0, 0, 0)


def test_every_kind_of_column() -> None:
    """Whole numbers become texts, with their signs; texts stay; NULL is none; in whatever pieces they come."""
    kinds = [(FIELD_TYPE.TINY, "<b"), (FIELD_TYPE.SHORT, "<h"), (FIELD_TYPE.LONG, "<i"), (FIELD_TYPE.LONGLONG, "<q")]
    columns = [*[column(kind) for kind, _ in kinds], column(FIELD_TYPE.LONGLONG, unsigned=True)]
    columns += [column(FIELD_TYPE.VAR_STRING)] * 4
    numbers = b"".join(struct.pack(form, -3) for _, form in kinds) + struct.pack("<Q", 2**64 - 1)
    # Nine columns, of which the last is NULL: its bit is the eleventh.
    row = b"\x00" + (1 << 10).to_bytes(2, "little") + numbers + cell(b"") + cell(b"x" * 300) + cell(b"y" * 70_000)
    whole = stream(bytes([len(columns)]), *columns, END, row, END)
    expected: list[TextRow] = [[b"-3"] * 4 + [b"18446744073709551615", b"", b"x" * 300, b"y" * 70_000, None]]
    for place in (len(whole), 5, 40, 200):
        result = PreparedResult()
        for piece in (whole[:place], whole[place:]):
            if piece:
                result.feed(piece)
        assert result.done
        assert expected == result.rows


def test_a_column_of_another_kind() -> None:
    """A type whose form is not known is seen, and never taken for a text: then no row is read."""
    result = PreparedResult()
    row = b"\x00\x00" + struct.pack("<d", 1.5) + cell(b"a")
    result.feed(stream(b"\x02", column(FIELD_TYPE.DOUBLE), column(FIELD_TYPE.VAR_STRING), END, row, END))
    assert (True, False, [[]]) == (result.done, result.readable, result.rows)


@pytest.mark.parametrize(("columns", "params"), [(3, 2), (1, 0), (0, 0)])
def test_the_answer_to_prepare(columns: int, params: int) -> None:
    """It is done after both lists of descriptions, which may be missing."""
    described = [part for number in (params, columns) if number for part in [*[column(FIELD_TYPE.LONG)] * number, END]]
    answer = Preparation()
    head = b"\x00" + struct.pack("<IHHBH", 77, columns, params, 0, 0)
    for number, payload in enumerate([head, *described], 1):
        assert not answer.done
        answer.feed(stream(payload, first=number))
    assert answer.done
    assert 77 == answer.statement_id


def test_what_has_no_form_is_sent_as_text() -> None:
    """Parameters other than whole numbers of eight bytes and texts are left to the text of the statement."""
    assert [None] * 4 == [execution(1, ("a", value)) for value in (0.5, 2**63, b"bytes", None)]
    assert execution(1, ("a", 5)) is not None


def test_what_is_kept() -> None:
    """What comes again is worth it; the one that was used longest ago goes; after a refusal none is."""
    prepared = PreparedStatements()
    assert [False, True] == [prepared.is_worth("a") for _ in range(2)]
    assert not prepared.is_worth("x" * 10_000)
    assert not prepared.is_worth("x" * 10_000)
    for number in range(64):
        assert prepared.keep(f"statement {number}", (int,), number) == b""
    assert prepared.find("statement 0", (int,)) == 0
    assert packet(COMMAND.COM_STMT_CLOSE, b"\x01\x00\x00\x00") == prepared.keep("one more", (), 64)
    assert [0, None, 2] == [prepared.find(f"statement {number}", (int,)) for number in range(3)]
    assert prepared.find("statement 0", (str,)) is None
    assert not prepared.is_worth("statement 0")
    assert packet(COMMAND.COM_STMT_CLOSE, b"\x02\x00\x00\x00") == prepared.keep_as_text("statement 2")
    assert prepared.find("statement 2", (int,)) is None
    assert not prepared.is_worth("statement 2")
    prepared.refuse()
    assert not prepared.is_worth("a")


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database with one connection and a table of numbers."""
    with connect_to(backend_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE numbers (number SMALLINT PRIMARY KEY, label VARCHAR(9))")
        cursor.execute("INSERT INTO numbers VALUES (1, 'one'), (2, NULL), (30000, 'many')")
        connection.commit()
    async with database_on(backend_url, pool_size=1) as database:
        yield database


async def counted(database: Database) -> Sequence[int]:
    """How many statements the connection has had prepared, and how many of these it has run."""
    rows: dict[str, str] = dict(await database.fetch("SHOW SESSION STATUS LIKE 'Com_stmt%%'"))
    return int(rows["Com_stmt_prepare"]), int(rows["Com_stmt_execute"])


@on_every_server
async def test_what_comes_again_is_prepared(database: Database) -> None:
    """The first time a statement is sent as text, from the second on it is prepared once."""
    rows: dict[int, TextRow] = {1: [b"1", b"one"], 2: [b"2", None], 30_000: [b"30000", b"many"]}
    for least in (1, 2, 3, 30_000, 30_001):
        expected = [row for number, row in rows.items() if number >= least]
        assert expected == await database.fetch_texts(NUMBERS, (least,))
    assert (1, 4) == await counted(database)


@on_every_server
async def test_beside_a_generated_column_a_mariadb_prepares_nothing(database: Database, backend_url: str) -> None:
    """A catalogue whose upgrade is not finished is read by statements of text there, which keep their indexes."""
    with connect_to(backend_url) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE upgrading (stock INT, in_stock TINYINT GENERATED ALWAYS AS (stock > 0) STORED)")
        cursor.execute("SELECT VERSION() LIKE '%MariaDB%'")
        ((is_mariadb,),) = cursor.fetchall()
    for _ in range(3):
        assert [[b"30000", b"many"]] == await database.fetch_texts(NUMBERS, (3,))
    assert ((0, 0) if is_mariadb else (1, 2)) == await counted(database)


@on_every_server
async def test_a_prepared_statement_survives(database: Database, backend_url: str) -> None:
    """Parameters of other kinds, a table that has changed, and a hundred other statements change no answer."""
    for params in (("a", 1), (2, "b"), (None, "é"), ("c", None), (-3, 4)):
        expected = [None if value is None else str(value).encode() for value in params]
        assert [expected] == await database.fetch_texts(ECHO, params)
    for statement in ("ALTER TABLE numbers ADD COLUMN more INT FIRST", "ALTER TABLE numbers MODIFY label CHAR(20)"):
        assert [[b"30000", b"many"]] == await database.fetch_texts(NUMBERS, (3,))
        assert [[b"30000", b"many"]] == await database.fetch_texts(NUMBERS, (3,))
        with connect_to(backend_url) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
    for number in range(100):
        assert [[b"%d" % number]] * 2 == [
            *await database.fetch_texts(f"SELECT %s + {number}", (0,)),
            *await database.fetch_texts(f"SELECT %s + {number}", (0,)),
        ]
    assert [[b"30000", b"many"]] == await database.fetch_texts(NUMBERS, (3,))


@on_every_server
async def test_times_and_fractions_are_read_as_text(database: Database) -> None:
    """What a prepared statement would give in another form is sent as text each time."""
    asked = "SELECT TIMESTAMP('2026-11-28 10:00:00'), 1.5e0, number FROM numbers WHERE number = %s"
    for _ in range(3):
        assert [[b"2026-11-28 10:00:00", b"1.5", b"1"]] == await database.fetch_texts(asked, (1,))
    assert (1, 1) == await counted(database)


@pytest.mark.proof
@pytest.mark.alone
async def test_a_server_that_prepares_no_more(mysql9_url: str) -> None:
    """Where the server has as many prepared statements as it takes, statements are sent as texts."""
    with connect_to(mysql9_url) as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL max_prepared_stmt_count = 0")
        try:
            async with database_on(mysql9_url, pool_size=1) as database:
                for _ in range(3):
                    assert [[b"a", b"b"]] == await database.fetch_texts(ECHO, ("a", "b"))
                assert (await counted(database))[1] == 0
        finally:
            cursor.execute("SET GLOBAL max_prepared_stmt_count = DEFAULT")
