"""Starts that come to nothing: one line each, with what is at fault, and at once where waiting would not help."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from farmlokal.app.dependencies import wait_for_database
from farmlokal.errors import DatabaseMisconfigured, DatabaseUnavailable
from tests.servers.certificates import make_certificates
from tests.servers.process import free_port
from tests.support.backends import database_on
from tests.support.command import farmlokal, operators, run_module
from tests.support.own_servers import StartMariaDB

# Nothing waits for so long: it is what a fault would have to be waited for.
WAIT_MAX_S = 60
ROOT = Path(__file__).parents[2]
WORKERS = pytest.mark.parametrize("workers", ["1", "2"])


@WORKERS
def test_a_database_that_stays_away_is_one_line(tmp_path: Path, redis_url: str, workers: str) -> None:
    """After the wait the start ends with the reason, and nothing that had begun is left to complain."""
    port = free_port()
    environment = operators(tmp_path, f"mysql://farmer:secret@127.0.0.1:{port}/farm", redis_url)
    with_tests = environment | {"PYTHONPATH": str(ROOT)}
    done = run_module("tests.cli.impatient_process", with_tests, tmp_path, "serve", "--port", "0", "--workers", workers)
    *log, line = done.stderr.splitlines()
    assert ["waiting for the database"] == [
        event["event"] for event in map(json.loads, log) if event["level"] in ("warning", "error")
    ]
    reason = f"127.0.0.1:{port}: Connection refused"
    assert (1, f"farmlokal: no connection to the database could be made ({reason})") == (done.returncode, line)


@WORKERS
def test_a_wrong_password_is_one_line_at_once(
    tmp_path: Path, own_mariadb: StartMariaDB, redis_url: str, workers: str
) -> None:
    """The server's refusal names the user; nobody waits for it to change its mind."""
    server = own_mariadb()
    server.execute("CREATE USER farmer@'%' IDENTIFIED BY 'right'")
    environment = operators(tmp_path, f"mysql://farmer:wrong-one@127.0.0.1:{server.port}/farm", redis_url)
    done = farmlokal(environment, tmp_path, "serve", "--port", "0", "--workers", workers)
    assert "waiting for the database" not in done.stderr
    assert 1 == done.returncode
    line = done.stderr.splitlines()[-1]
    assert line.startswith(f"farmlokal: no connection to the database could be made (127.0.0.1:{server.port}: (1045, ")
    assert "Access denied for user 'farmer'@" in line
    assert "Traceback" not in done.stderr


def unknown_user(url: str, _: Path) -> tuple[str, str]:
    """A user that the server does not know."""
    return url.replace("root@", "nobody-here:pw@"), "Access denied for user 'nobody-here'@"


def unknown_database(url: str, _: Path) -> tuple[str, str]:
    """A database that is not there."""
    return url.replace("/farm", "/barn"), "Unknown database 'barn'"


def missing_authority(url: str, folder: Path) -> tuple[str, str]:
    """A CA file that is not there."""
    return with_ca(url, folder / "absent.pem"), f"{folder}/absent.pem: No such file or directory"


def empty_authority(url: str, folder: Path) -> tuple[str, str]:
    """A CA file without a certificate."""
    (folder / "empty.pem").write_text("not a certificate")
    return with_ca(url, folder / "empty.pem"), f"{folder}/empty.pem: no certificates"


def other_authority(url: str, folder: Path) -> tuple[str, str]:
    """A CA file of another authority."""
    path = make_certificates(folder).ca_path
    return with_ca(url, path), "its certificate is not accepted: "


def other_name(url: str, _: Path) -> tuple[str, str]:
    """A name that the server's certificate does not have."""
    return url.replace("127.0.0.1", "127.0.0.2"), "its certificate is not accepted: IP address mismatch"


def with_ca(url: str, path: Path) -> str:
    """`url` with another CA file."""
    return urlsplit(url)._replace(query=f"ssl_ca={path}").geturl()


@pytest.mark.parametrize(
    "fault",
    [unknown_user, unknown_database, missing_authority, empty_authority, other_authority, other_name],
)
async def test_a_fault_that_cannot_cure_itself_is_not_waited_for(
    own_mariadb: StartMariaDB, tmp_path: Path, fault: Callable[[str, Path], tuple[str, str]]
) -> None:
    """It ends the start at once, and the reason has the file, the host or the word of TLS in it."""
    server = own_mariadb("--bind-address=*", tls=True)
    server.create_database("farm")
    url, reason = fault(server.url("farm"), tmp_path)
    async with database_on(url, pool_size=1) as database:
        with pytest.raises(DatabaseMisconfigured) as ended:
            await wait_for_database(database, WAIT_MAX_S)
    assert reason in ended.value.reason


@pytest.mark.parametrize(
    ("number", "expected"), [(socket.EAI_NONAME, DatabaseMisconfigured), (socket.EAI_AGAIN, DatabaseUnavailable)]
)
async def test_a_name_that_nobody_knows_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, number: int, expected: type[DatabaseUnavailable]
) -> None:
    """A name server's word that there is no such host ends the start; one that does not answer may come back."""

    def answer(*_: object, **__: object) -> object:
        raise socket.gaierror(number, "the name server's word")

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    async with database_on("mysql://farmer@db.exampel/farm", pool_size=1) as database:
        with pytest.raises(DatabaseUnavailable) as ended:
            await database.fetch("SELECT 1")
        assert (expected, "db.exampel: the name server's word") == (type(ended.value), ended.value.reason)
        if expected is DatabaseMisconfigured:
            with pytest.raises(DatabaseMisconfigured):
                await wait_for_database(database, WAIT_MAX_S)
