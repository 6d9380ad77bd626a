"""What pages in words stand beside: a FULLTEXT index on the same database server, and SQLite's FTS5 in a process.

Both find the ids of the first 21 products that have the words (of the last one, a word may be a beginning) in the order
asked for, and no more: no page is made of them, and no HTTP is spoken. `relevance` is their own score. The tables have
just what is needed for it.
"""

import asyncio
import sqlite3
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import cycle
from math import cos, radians, sin
from pathlib import Path
from typing import Any

import uvloop

from farmlokal.database.address import MySQLAddress
from tests.bench.asking import asked
from tests.bench.row_load import connect
from tests.bench.samples import Sample, sample_of
from tests.bench.stand import Catalogue
from tests.bench.word_questions import WordQuestion

FOUND = 21  # a page, and the one more that tells whether there is another
_SCALE = 10_000_000

_TABLE = """
CREATE TABLE texts (
    id BIGINT NOT NULL PRIMARY KEY,
    name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NOT NULL,
    category VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    price BIGINT NOT NULL,
    name_key VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    rating_key SMALLINT NOT NULL,
    created_at DATETIME NOT NULL,
    x INT NULL, y INT NULL, z INT NULL
) ENGINE = InnoDB
"""
_ROWS = (
    "SELECT id, name, category, CAST(price * 100 AS SIGNED), name_key, rating_key, created_at,"
    f" ROUND({_SCALE} * COS(RADIANS(lat)) * COS(RADIANS(lon))),"
    f" ROUND({_SCALE} * COS(RADIANS(lat)) * SIN(RADIANS(lon))), ROUND({_SCALE} * SIN(RADIANS(lat)))"
    " FROM products WHERE live = 1"
)
_INDEX = "CREATE FULLTEXT INDEX texts_by_words ON texts (name)"
_IN_FULLTEXT = "SELECT texts.id FROM texts WHERE MATCH (name) AGAINST ('{words}' IN BOOLEAN MODE)"
_FULLTEXT_SCORE = "MATCH (name) AGAINST ('{words}' IN BOOLEAN MODE) DESC"

_FTS5 = """
CREATE TABLE texts (
    id INTEGER PRIMARY KEY, category TEXT, price INTEGER, name_key TEXT, rating_key INTEGER, created_at TEXT,
    x INTEGER, y INTEGER, z INTEGER
) STRICT;
CREATE VIRTUAL TABLE words USING fts5(name, content='');
"""
_IN_FTS5 = "SELECT texts.id FROM words JOIN texts ON texts.id = words.rowid WHERE words MATCH '{words}'"
_FTS5_SCORE = "words.rank"
_MAPPED_BYTES = 2**32

_COLUMNS = {"created_at": "created_at", "price": "price", "name": "name_key", "rating": "rating_key"}


def make_fulltext_table(catalogue: Catalogue) -> None:
    """Make a table of texts with its index beside the products; it goes when the catalogue does."""
    for statement in (_TABLE, f"INSERT INTO texts {_ROWS}", _INDEX, "ANALYZE TABLE texts"):
        catalogue.execute(statement)


def make_fts5_file(catalogue: Catalogue, path: Path) -> None:
    """Write the same into an SQLite file, with an index by FTS5."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_FTS5)
        texts, words = [], []
        for row_id, name, category, price, name_key, rating_key, created_at, *vector in catalogue.execute(_ROWS):
            place = [None if part is None else int(part) for part in vector]
            texts.append((row_id, category, price, name_key, rating_key, str(created_at), *place))
            words.append((row_id, name))
        connection.executemany(f"INSERT INTO texts VALUES ({', '.join('?' * 9)})", texts)
        connection.executemany("INSERT INTO words (rowid, name) VALUES (?, ?)", words)
        connection.execute("INSERT INTO words (words) VALUES ('optimize')")


def in_fulltext(question: WordQuestion) -> str:
    """The statement that asks the FULLTEXT index; no word of ours has a character that needs quoting."""
    words = " ".join(f"+{word}" for word in question.words) + "*"
    return _finished(_IN_FULLTEXT.format(words=words), question, _FULLTEXT_SCORE.format(words=words))


def in_fts5(question: WordQuestion) -> str:
    """The statement that asks FTS5."""
    words = " ".join(f'"{word}"' for word in question.words) + "*"
    return _finished(_IN_FTS5.format(words=words), question, _FTS5_SCORE)


def _finished(found: str, question: WordQuestion, score: str) -> str:
    """`found` with what else is asked, and in the order asked for."""
    column = _COLUMNS.get(question.sort.removeprefix("-"), "")
    falling, than = (" DESC", "<") if question.sort.startswith("-") else ("", ">")
    parts = [found]
    if question.category is not None:
        parts.append(f"category = '{question.category}'")
    if question.prices is not None:
        parts.append("price BETWEEN {} AND {}".format(*question.prices))
    if question.after is not None:
        value = _value_of(question)
        parts.append(f"({column} {than} {value} OR ({column} = {value} AND texts.id {than} {question.after.id}))")
    if question.near is not None:
        parts.append("x IS NOT NULL")
        order = f"{_squared_chord(*question.near)}, texts.id"
    elif column:
        order = f"{column}{falling}, texts.id{falling}"
    else:
        order = f"{score}, texts.id"
    return f"{' AND '.join(parts)} ORDER BY {order} LIMIT {FOUND}"


def _value_of(question: WordQuestion) -> str:
    """Where the page before ended, in the order asked for, as SQL."""
    assert question.after is not None
    values: dict[str, str | int] = {
        "created_at": question.after.created_at.replace("T", " ").removesuffix("Z"),
        "price": question.after.price_paise,
        "name": question.after.name_key.replace("'", "''"),
        "rating": question.after.rating_key,
    }
    value = values[question.sort.removeprefix("-")]
    return f"'{value}'" if isinstance(value, str) else str(value)


def _squared_chord(lat: float, lon: float) -> str:
    north, east = radians(lat), radians(lon)
    vector = cos(north) * cos(east), cos(north) * sin(east), sin(north)
    axes = [f"({axis} - ({round(_SCALE * part)}))" for axis, part in zip("xyz", vector, strict=True)]
    return " + ".join(f"{axis} * {axis}" for axis in axes)


def search_by_fulltext(
    address: MySQLAddress, questions: Sequence[WordQuestion], *, connections: int, seconds: float
) -> Sample:
    """Ask the FULLTEXT index each question in turn; each connection once at least."""
    return uvloop.run(_search_by_fulltext(address, list(map(in_fulltext, questions)), connections, seconds))


async def _search_by_fulltext(address: MySQLAddress, statements: list[str], connections: int, seconds: float) -> Sample:
    opened = await asyncio.gather(*(connect(address) for _ in range(connections)))
    cursors = [await connection.cursor() for connection in opened]

    def asking(cursor: Any) -> Any:
        async def ask(statement: str) -> None:
            await cursor.execute(statement)
            await cursor.fetchall()

        return ask

    try:
        return await asked(list(map(asking, cursors)), statements, seconds)
    finally:
        for connection in opened:
            connection.close()


def search_by_fts5(path: Path, questions: Sequence[WordQuestion], *, connections: int, seconds: float) -> Sample:
    """Ask FTS5 the same, on as many threads."""
    statements = cycle(map(in_fts5, questions))
    times_s: list[float] = []
    started = time.perf_counter()

    def repeat(_: int) -> None:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.execute(f"PRAGMA mmap_size = {_MAPPED_BYTES}")
            while True:
                statement = next(statements)
                began = time.perf_counter()
                connection.execute(statement).fetchall()
                ended = time.perf_counter()
                times_s.append(ended - began)
                if ended >= started + seconds:
                    return

    with ThreadPoolExecutor(connections) as threads:
        list(threads.map(repeat, range(connections)))
    return sample_of(times_s, time.perf_counter() - started)
