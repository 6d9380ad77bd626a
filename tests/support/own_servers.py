"""The types of the fixtures that start servers for one test alone."""

from typing import Protocol

from tests.servers import MariaDBServer, RedisServer


class StartMariaDB(Protocol):
    """What the `own_mariadb` fixture gives: starts a MariaDB server that ends with the test."""

    def __call__(self, *options: str, tls: bool = False) -> MariaDBServer:
        """Start a server with further options of its program; return it, answering."""


class StartRedis(Protocol):
    """What the `own_redis` fixture gives: starts a Redis server that ends with the test."""

    def __call__(self, *options: str, tls: bool = False) -> RedisServer:
        """Start a server with further options of its program; return it, answering."""
