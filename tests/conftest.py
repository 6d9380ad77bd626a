"""Servers, databases and real data for every test.

A server starts when the first test asks for it and ends with the session. With `FARMLOKAL_TEST_DATABASE_URL` or
`FARMLOKAL_TEST_REDIS_URL` set, the server named there is used in its place; a test that stops, kills or configures a
server always has its own, from `own_mariadb` or `own_redis`.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from farmlokal.catalog.reading import directory_counts
from tests.servers import DatabaseAccess, MariaDBServer, NamedDatabase, NamedRedis, RedisAccess, RedisServer
from tests.support.backends import new_database_url
from tests.support.own_servers import StartMariaDB, StartRedis

# What fails a test that logs a secret; which tests run in which process, and which run alone; the garbage collector.
pytest_plugins = ("tests.support.secret_watch", "tests.support.parallel", "tests.support.garbage")

# How long one example, or the drawing of it, takes says how busy the machine is.
settings.register_profile("tests", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tests")

# As by default, but with plain tracebacks: with the local variables of every frame, as `rich` writes them where it is
# installed, one takes a busy machine seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)

_database_number = count(1)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[DatabaseAccess]:
    """The session's MariaDB server."""
    if named := os.environ.get("FARMLOKAL_TEST_DATABASE_URL"):
        yield NamedDatabase(named)
        return
    with MariaDBServer() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisAccess]:
    """The session's Redis server."""
    if named := os.environ.get("FARMLOKAL_TEST_REDIS_URL"):
        yield NamedRedis(named)
        return
    with RedisServer() as server:
        yield server


@pytest.fixture
def own_mariadb() -> Iterator[StartMariaDB]:
    """Start MariaDB servers that this test alone uses, and may stop, kill or pause."""
    with ExitStack() as servers:

        def start(*options: str, tls: bool = False) -> MariaDBServer:
            return servers.enter_context(MariaDBServer(*options, tls=tls))

        yield start


@pytest.fixture
def own_redis() -> Iterator[StartRedis]:
    """Start Redis servers that this test alone uses, and may stop, kill or pause."""
    with ExitStack() as servers:

        def start(*options: str, tls: bool = False) -> RedisServer:
            return servers.enter_context(RedisServer(*options, tls=tls))

        yield start


@pytest.fixture
def mysql_url(mariadb: DatabaseAccess) -> Iterator[str]:
    """Return the URL of a new, empty database on the session's MariaDB server; it is dropped after the test."""
    yield from _new_database(mariadb)


@pytest.fixture(scope="module")
def module_mysql_url(mariadb: DatabaseAccess) -> Iterator[str]:
    """Return the URL of a database that the tests of one module share, which only read what one of them put there."""
    yield from _new_database(mariadb)


@pytest.fixture
def mysql9_url() -> Iterator[str]:
    """Return the URL of a new, empty database on the MySQL server that FARMLOKAL_TEST_MYSQL_URL names."""
    named = os.environ.get("FARMLOKAL_TEST_MYSQL_URL")
    if not named:
        pytest.skip("FARMLOKAL_TEST_MYSQL_URL names no MySQL server to compare MariaDB with")
    yield from _new_database(NamedDatabase(named))


@pytest.fixture
def backend_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a new, empty database on the backend that a decorator of `tests.support.backends` names."""
    return new_database_url(request)


@pytest.fixture
def redis_url(redis_server: RedisAccess) -> str:
    """Return the URL of an empty logical database on the session's Redis server."""
    redis_server.flush()
    return redis_server.url()


@pytest.fixture
def directory_uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No service in this process counts its directory by itself: some seconds after its start, and by the cache."""
    monkeypatch.setattr(directory_counts, "_LOOK_INTERVAL_S", 3600)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder with a real day of market prices, `mandi-*.csv`."""
    folder = os.environ.get("FARMLOKAL_REALDATA")
    if not folder:
        pytest.skip("FARMLOKAL_REALDATA names no folder with real market prices")
    return Path(folder)


def _new_database(server: DatabaseAccess) -> Iterator[str]:
    name = f"farmlokal_test_{os.getpid()}_{next(_database_number)}"
    server.create_database(name)
    try:
        yield server.url(name)
    finally:
        server.drop_database(name)
