"""The databases that a test runs on: each backend in turn, MySQL 9 with the slow tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pymysql
import pytest
from pymysql.constants import CLIENT

from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.interface import Database
from tests.servers import NamedDatabase
from tests.support.service import sqlite_url

_SERVERS = ("mariadb", pytest.param("mysql9", marks=pytest.mark.proof))

on_every_backend = pytest.mark.parametrize("backend_url", ["sqlite", *_SERVERS], indirect=True)
on_every_server = pytest.mark.parametrize("backend_url", _SERVERS, indirect=True)
# All processes of tests share one MySQL: in what it counts of itself are the others' questions, and the rows that it
# has to look into while one of them has written and not committed.
on_every_server_alone = pytest.mark.parametrize(
    "backend_url", ["mariadb", pytest.param("mysql9", marks=[pytest.mark.proof, pytest.mark.alone])], indirect=True
)
on_sqlite = pytest.mark.parametrize("backend_url", ["sqlite"], indirect=True)

# Each takes minutes, unless somebody ends it.
_SLOW_SQL = {
    "mysql": "SELECT COUNT(*) FROM information_schema.columns AS a, information_schema.columns AS b,"
    " information_schema.columns AS c",
    "sqlite": "SELECT COUNT(*) FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000)"
    " SELECT i FROM n)",
}


def new_database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new, empty database on the backend that the test's parameter names."""
    if request.param == "sqlite":
        sqlite_at = sqlite_url(request.getfixturevalue("tmp_path"))
        Path(sqlite_at.removeprefix("sqlite:///")).touch()  # as on a server: there, and empty
        return sqlite_at
    url: str = request.getfixturevalue({"mariadb": "mysql_url", "mysql9": "mysql9_url"}[request.param])
    return url


@asynccontextmanager
async def database_on(url: str, *, pool_size: int = 3, statement_limit_ms: int = 2000) -> AsyncIterator[Database]:
    """The database at `url`, not yet connected to and without our schema."""
    database = database_at(parse_address(url), pool_size=pool_size, statement_limit_ms=statement_limit_ms)
    try:
        yield database
    finally:
        await database.close()


def slow_sql(database: Database) -> str:
    """A SELECT that does not come to its end."""
    return _SLOW_SQL[database.dialect.name]


def connections_to(url: str, *, at: str | None = None) -> int:
    """How many connections the server has to the database at `url`. at: only those that run this statement."""
    name = url.partition("?")[0].rpartition("/")[2]
    rows = NamedDatabase(url).execute("SHOW PROCESSLIST")
    return sum(row[3] == name and at in (None, row[7]) for row in rows)


def connect_to(url: str) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    """A connection of another client to the server at `url`: no autocommit, several statements at once allowed."""
    address = parse_address(url)
    assert isinstance(address, MySQLAddress)
    return pymysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database,
        unix_socket=address.unix_socket,
        ssl_ca=address.ssl_ca,
        client_flag=CLIENT.MULTI_STATEMENTS,
    )
