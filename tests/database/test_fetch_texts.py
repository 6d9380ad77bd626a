"""SELECTs of texts: on every backend what an ordinary SELECT gives, and never another statement's answer."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from farmlokal.database.interface import Database
from farmlokal.database.json_sql import JsonField, JsonKind
from farmlokal.errors import StatementTimeout
from tests.support.backends import database_on, on_every_backend, slow_sql

LIMIT_MS = 200
ECHO = "SELECT %s, %s"

NASTY = [
    "",
    "plain",
    "it's",
    "'; DROP TABLE products; --",
    "\\",
    "\\'",
    '"',
    "%s %% %d",
    "प्याज 🍅",
    "a\x00b",
    "\n\r\t\x1a",
    "x" * 300,
    "y" * 70_000,
]


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database with two connections."""
    async with database_on(backend_url, pool_size=2) as database:
        yield database


@on_every_backend
async def test_texts_are_what_was_bound(database: Database) -> None:
    """Whatever a parameter holds, it comes back byte for byte, and is never taken for SQL."""
    for text in NASTY:
        assert [[text.encode(), None]] == await database.fetch_texts(ECHO, (text, None)), text
        assert [(text, None)] == await database.fetch(ECHO, (text, None))
    assert [[b"-7", b"1"]] == await database.fetch_texts(ECHO, (-7, 1))


@on_every_backend
async def test_a_long_answer(database: Database) -> None:
    """Rows that take many reads are all there, in their order."""
    rows = " UNION ALL ".join(["SELECT %s, %s"] * 50)
    params = [text for number in range(50) for text in (f"{number:02}", "z" * 20_000)]
    found = await database.fetch_texts(f"SELECT * FROM ({rows}) AS found", params)
    assert [[b"%02d" % number, b"z" * 20_000] for number in range(50)] == sorted(map(list, found))


@on_every_backend
async def test_a_failed_select_leaves_the_connections_usable(backend_url: str) -> None:
    """After a wrong SELECT, one that ran into its limit and one whose caller left, others get their own answers."""
    async with database_on(backend_url, pool_size=2, statement_limit_ms=LIMIT_MS) as database:
        for _ in range(3):
            with pytest.raises(Exception, match="nowhere"):
                await database.fetch_texts("SELECT x FROM nowhere")
            with pytest.raises(StatementTimeout):
                await database.fetch_texts(slow_sql(database))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.02):
                    await database.fetch_texts(slow_sql(database))
            answers = await asyncio.gather(*[database.fetch_texts(ECHO, (f"{number}", "")) for number in range(6)])
            assert [[[b"%d" % number, b""]] for number in range(6)] == answers


@on_every_backend
async def test_a_row_as_a_json_object(database: Database) -> None:
    """The database renders every kind of value as JSON has it, the fields in the order given."""
    for text in NASTY:
        if "\x00" in text:
            continue  # no field of a product holds it
        fields = [
            JsonField("z", JsonKind.PLAIN, "'2.50'"),
            JsonField("text", JsonKind.TEXT, "%s"),
            JsonField("none", JsonKind.TEXT, "NULL"),
            JsonField("whole", JsonKind.NUMBER, "42"),
            JsonField("number", JsonKind.NUMBER, "-73.123456789012e0"),
            JsonField("small", JsonKind.NUMBER, "1e-7"),
            JsonField("no_number", JsonKind.NUMBER, "NULL"),
            JsonField("yes", JsonKind.FLAG, "1"),
            JsonField("no", JsonKind.FLAG, "0"),
            JsonField("a", JsonKind.OBJECT, database.dialect.json_object([JsonField("id", JsonKind.NUMBER, "1")])),
            JsonField("no_object", JsonKind.OBJECT, "CASE WHEN 1 = 2 THEN '{}' END"),
        ]
        ((rendered,),) = await database.fetch_texts(f"SELECT {database.dialect.json_object(fields)}", (text,))
        expected: dict[str, object] = {"z": "2.50", "text": text, "none": None, "whole": 42}
        expected |= {"number": -73.123456789012, "small": 1e-7}
        expected |= {"no_number": None, "yes": True, "no": False, "a": {"id": 1}, "no_object": None}
        assert rendered is not None
        assert expected == orjson.loads(rendered)
        assert list(expected) == list(orjson.loads(rendered))
        assert b": " not in rendered.replace(orjson.dumps(text), b"")
