"""The tests' own servers do what tests of faults rely on."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pymysql
import pytest
import redis

from tests.conftest import StartMariaDB, StartRedis
from tests.servers import ServerFailed, install

REDIS_WAIT_S = 0.3


def test_a_killed_database_keeps_what_was_committed(own_mariadb: StartMariaDB) -> None:
    """A commit that was acknowledged before a kill is there after the restart, on the same port."""
    server = own_mariadb()
    server.create_database("farm")
    server.execute("CREATE TABLE crops (name VARCHAR(20)) ENGINE = InnoDB", database="farm")
    server.execute("INSERT INTO crops VALUES ('okra')", database="farm")
    address = server.base_url

    server.kill()

    with pytest.raises(pymysql.OperationalError):
        server.execute("SELECT 1")
    server.start()
    assert address == server.base_url
    committed = [("okra",)]
    assert committed == server.execute("SELECT name FROM crops", database="farm")


def test_a_restarted_redis_is_empty(own_redis: StartRedis) -> None:
    """Redis keeps nothing over a restart and answers on the same port."""
    server = own_redis()
    with redis.Redis.from_url(server.url()) as client:
        client.set("crop", "okra")
    server.restart()
    with redis.Redis.from_url(server.url()) as client:
        assert client.get("crop") is None


def test_a_paused_server_is_silent_until_it_resumes(own_redis: StartRedis) -> None:
    """A paused server lets a client wait; resumed, it answers again; and a paused one can be stopped."""
    server = own_redis()
    with redis.Redis.from_url(server.url(), socket_timeout=REDIS_WAIT_S, retry=None) as client:
        server.pause()
        with pytest.raises(redis.TimeoutError):
            client.ping()
        server.resume()
        assert client.ping() is True
    server.pause()
    server.stop()
    assert server.running is False


def test_a_database_with_tls_is_verified_by_its_authority(own_mariadb: StartMariaDB) -> None:
    """A client that knows the authority gets an encrypted connection; plain text is refused when told so."""
    server = own_mariadb("--require-secure-transport=ON", tls=True)
    ((_, cipher),) = server.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
    assert cipher != ""
    with pytest.raises(pymysql.OperationalError):
        pymysql.connect(host="127.0.0.1", port=server.port, user="root", ssl_disabled=True)


def test_redis_with_tls_is_verified_by_its_authority(own_redis: StartRedis) -> None:
    """A client that knows the authority can talk to a Redis server over TLS."""
    with redis.Redis.from_url(own_redis(tls=True).url()) as client:
        assert client.ping() is True


def test_a_server_that_does_not_start_shows_its_log(own_redis: StartRedis) -> None:
    """The error of a failed start quotes what the server had to say."""
    with pytest.raises(ServerFailed, match="no-such-option"):
        own_redis("--no-such-option", "1")


def test_nothing_is_left_when_the_tests_are_killed(tmp_path: Path) -> None:
    """A server whose tests die by SIGKILL is killed and its folder removed."""
    program = "from tests.servers import RedisServer; s = RedisServer().start(); print(s.folder, s.port); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as tests:
        assert tests.stdout is not None
        folder, port = tests.stdout.readline().split()
        with redis.Redis.from_url(f"redis://127.0.0.1:{port}/0") as client:
            assert client.ping() is True
        tests.kill()
    deadline = time.monotonic() + 10
    while Path(folder).exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not list(tmp_path.iterdir())
    with (
        redis.Redis.from_url(f"redis://127.0.0.1:{port}/0", retry=None) as client,
        pytest.raises(redis.ConnectionError),
    ):
        client.ping()


def test_without_rights_the_command_to_run_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user who may not install packages gets exit code 2 and the one command that an administrator has to run."""
    missing = install.Need("a server program", lambda: None, *install.NEEDS[0].packages)
    monkeypatch.setattr(install, "NEEDS", (missing,))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    wrong_setup = 2
    assert wrong_setup == install.main()
    assert "a server program" in capsys.readouterr().err


def test_installing_never_removes_a_package() -> None:
    """Packages are installed without recommends, and apt is told to refuse if another would have to go."""
    command = install.install_command(["redis-tools"])
    assert {"--no-install-recommends", "--no-remove", "redis-tools"} <= set(command)
