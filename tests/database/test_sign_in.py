"""Signing in: over TLS, over a Unix socket, with every kind of password, and what a refusal tells."""

import asyncio
import logging
import secrets
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import pytest
import uvloop

from farmlokal.database.interface import Database
from farmlokal.errors import DatabaseUnavailable
from tests.servers import NamedDatabase
from tests.servers.certificates import make_certificates
from tests.support.backends import database_on, on_every_server
from tests.support.own_servers import StartMariaDB

# What a URL must encode, what SQL must quote, and what Latin-1 lacks.
AWKWARD_PASSWORD = "pä$s/w#o:r@d €'?"


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_ssl_ca_turns_tls_on(own_mariadb: StartMariaDB, run: Callable[[Coroutine[Any, Any, str]], str]) -> None:
    """A server that insists on TLS is signed in to, and the connection is encrypted, on either event loop."""
    server = own_mariadb("--require-secure-transport=ON", tls=True)
    server.create_database("farm")

    async def signed_in() -> str:
        async with database_on(server.url("farm")) as database:
            return await tls_version(database)

    assert "TLSv1.3" == run(signed_in())


async def test_a_certificate_of_another_authority_is_refused(own_mariadb: StartMariaDB, tmp_path: Path) -> None:
    """A server whose certificate the authority in `ssl_ca` did not sign is not signed in to."""
    server = own_mariadb(tls=True)
    server.create_database("farm")
    other = make_certificates(tmp_path)
    refusal = await refused_by(f"mysql://root@127.0.0.1:{server.port}/farm?ssl_ca={other.ca_path}")
    assert "CERTIFICATE_VERIFY_FAILED" in refusal


async def test_a_server_without_tls_is_not_signed_in_to_in_the_clear(mysql_url: str, tmp_path: Path) -> None:
    """With `ssl_ca`, a server (or whoever answers in its place) that offers no TLS gets no user name or password."""
    refusal = await refused_by(f"{mysql_url}?ssl_ca={make_certificates(tmp_path).ca_path}")
    assert "the server has no TLS" in refusal


async def test_a_missing_authority_is_named(mysql_url: str, tmp_path: Path) -> None:
    """When the file of `ssl_ca` is not there, the error is about that file, not about the server."""
    assert "ssl_ca cannot be read" in await refused_by(f"{mysql_url}?ssl_ca={tmp_path / 'absent.pem'}")


async def test_a_unix_socket_needs_no_network(own_mariadb: StartMariaDB) -> None:
    """A server that listens on its socket alone is reached by `unix_socket`."""
    server = own_mariadb("--skip-networking")
    async with database_on(f"mysql://root@localhost/mysql?unix_socket={server.socket_path}") as database:
        assert [("root@localhost",)] == await database.fetch("SELECT USER()")


@on_every_server
@pytest.mark.parametrize("password", ["plain", AWKWARD_PASSWORD], ids=["plain", "awkward"])
async def test_a_password_of_any_characters_signs_in(backend_url: str, password: str) -> None:
    """A password is sent as it is, whatever characters it has."""
    with user_with(backend_url, password) as url:
        async with database_on(url) as database:
            assert [(1,)] == await database.fetch("SELECT 1")


@pytest.mark.proof
async def test_caching_sha2_password_over_plain_tcp(mysql9_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """A user whom the server has not seen signs in by RSA; the next time the server's cache makes it fast."""
    caplog.set_level(logging.DEBUG, "aiomysql")
    full, fast = "caching sha2: Trying full auth...", "caching sha2: succeeded by fast path."
    with user_with(mysql9_url, AWKWARD_PASSWORD) as url:
        for expected, other in ((full, fast), (fast, full)):
            caplog.clear()
            async with database_on(url) as database:
                assert "" == await tls_version(database)
            assert expected in caplog.messages
            assert other not in caplog.messages


@on_every_server
async def test_a_wrong_password_is_not_shown(backend_url: str) -> None:
    """The refusal says who was refused, and nowhere down its causes what password was tried."""
    with user_with(backend_url, "right") as url:
        refusal = await refused_by(url.replace(":right@", ":wrong-one@"))
    assert "Access denied for user" in refusal
    assert "wrong-one" not in refusal


async def tls_version(database: Database) -> str:
    """The version of TLS on the connection; empty where it is in the clear."""
    ((_, version),) = await database.fetch_unlimited("SHOW SESSION STATUS LIKE 'Ssl_version'")
    return str(version)


async def refused_by(url: str) -> str:
    """The error of a fetch with its causes and their stack traces, and how the database prints itself."""
    async with database_on(url) as database:
        with pytest.raises(DatabaseUnavailable) as refused:
            await database.fetch("SELECT 1")
        return "".join([*traceback.format_exception(refused.value), repr(database)])


@contextmanager
def user_with(url: str, password: str) -> Iterator[str]:
    """A new user of the database at `url`, with that password; gives the URL for it, and drops it at the end."""
    server = NamedDatabase(url)
    parts = urlsplit(url)
    name = f"farmlokal_{secrets.token_hex(6)}"
    quoted = password.replace("'", "''")
    server.execute(f"CREATE USER '{name}'@'%' IDENTIFIED BY '{quoted}'")
    try:
        server.execute(f"GRANT ALL ON `{parts.path[1:]}`.* TO '{name}'@'%'")
        place = f"{name}:{quote(password, safe='')}@{parts.hostname}:{parts.port}"
        yield urlunsplit(parts._replace(netloc=place))
    finally:
        server.execute(f"DROP USER '{name}'@'%'")
