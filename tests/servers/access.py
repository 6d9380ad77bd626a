"""How the tests reach a database or Redis server, whether they started it or were given its URL."""

from abc import ABC, abstractmethod
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

import pymysql
import redis
from pymysql.constants import ER

# DROP DATABASE waits for every open transaction that has read from it. A test that left one open gets an error here
# rather than a run that hangs for the server's default of a day.
LOCK_WAIT_S = 10
CONNECT_WAIT_S = 10


class DatabaseAccess(ABC):
    """A MySQL or MariaDB server, by URL."""

    @property
    @abstractmethod
    def base_url(self) -> str:
        """`mysql://user:password@host:port/`, with `ssl_ca` or `unix_socket` parameters where they are needed."""

    def url(self, database: str) -> str:
        """Return the URL of one database on this server."""
        return urlunsplit(urlsplit(self.base_url)._replace(path=f"/{database}"))

    def execute(self, statement: str, *, database: str | None = None) -> list[tuple[Any, ...]]:
        """Run one statement in a connection of its own, committed; return the rows."""
        with self.opened(database) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def opened(self, database: str | None = None) -> "closing[pymysql.Connection[Any]]":
        """A connection for a block, which commits each statement."""
        return closing(self._connect(database))

    def end_connection(self, number: int) -> None:
        """End the connection with this number, unless it has ended by itself meanwhile."""
        try:
            self.execute(f"KILL {number}")
        except pymysql.OperationalError as error:
            if error.args[0] != ER.NO_SUCH_THREAD:
                raise

    def create_database(self, name: str) -> None:
        """Create an empty database; raises pymysql.ProgrammingError if it exists."""
        self.execute(f"CREATE DATABASE `{name}`")

    def drop_database(self, name: str) -> None:
        """Drop a database and all that is in it, if it exists."""
        self.execute(f"DROP DATABASE IF EXISTS `{name}`")

    def _connect(self, database: str | None) -> "pymysql.Connection[Any]":
        parts = urlsplit(self.base_url)
        parameters = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return pymysql.connect(
            host=parts.hostname or "127.0.0.1",
            port=parts.port or 3306,
            user=unquote(parts.username or "root"),
            password=unquote(parts.password or ""),
            database=database,
            unix_socket=parameters.get("unix_socket"),
            ssl_ca=parameters.get("ssl_ca"),
            connect_timeout=CONNECT_WAIT_S,
            autocommit=True,
            init_command=f"SET SESSION lock_wait_timeout = {LOCK_WAIT_S}",
        )


@dataclass(frozen=True)
class NamedDatabase(DatabaseAccess):
    """A server that somebody else runs and named to the tests."""

    address: str

    @property
    def base_url(self) -> str:
        """The URL as it was given."""
        return self.address


class RedisAccess(ABC):
    """A Redis or Valkey server, by URL."""

    @property
    @abstractmethod
    def base_url(self) -> str:
        """`redis://host:port/number`, or `rediss://` with its `ssl_ca_certs` parameter."""

    def url(self, number: int | None = None) -> str:
        """Return the URL of one logical database; without a number, of the server's own choice of one."""
        return self.base_url if number is None else urlunsplit(urlsplit(self.base_url)._replace(path=f"/{number}"))

    def flush(self, number: int | None = None) -> None:
        """Empty one logical database, and no other."""
        with redis.Redis.from_url(self.url(number), socket_connect_timeout=CONNECT_WAIT_S) as client:
            client.flushdb()


@dataclass(frozen=True)
class NamedRedis(RedisAccess):
    """A server that somebody else runs and named to the tests."""

    address: str

    @property
    def base_url(self) -> str:
        """The URL as it was given."""
        return self.address
