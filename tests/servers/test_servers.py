"""The tests' own servers do what tests of faults rely on."""

import os
import subprocess
import sys
import time
from pathlib import Path
from subprocess import PIPE

import pymysql
import pytest
import redis

from tests.servers import ServerFailed, install, programs
from tests.servers.freezing import freeze, is_frozen, thaw
from tests.servers.unpack import libraries_of
from tests.support.own_servers import StartMariaDB, StartRedis

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
    server.pause()
    with (
        redis.Redis.from_url(server.url(), socket_timeout=REDIS_WAIT_S, retry=None) as hasty,
        pytest.raises(redis.TimeoutError),
    ):
        hasty.ping()
    server.resume()
    with redis.Redis.from_url(server.url()) as client:
        assert client.ping() is True
    server.pause()
    server.stop()
    assert server.running is False


def test_a_frozen_process_runs_no_more() -> None:
    """Where `freeze` returns, a process that was at work all the time has stopped; thawed, it goes on."""
    with subprocess.Popen([sys.executable, "-c", "while True: print(end='.', flush=True)"], stdout=PIPE) as busy:
        assert busy.stdout is not None
        for _ in range(20):
            assert b"." == busy.stdout.read(1)
            freeze(busy.pid)
            assert is_frozen(busy.pid)
            thaw(busy.pid)
            assert not is_frozen(busy.pid)
        busy.kill()


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
    missing = install.Need("a server program", lambda: None, *install.NEEDS["test"][0].packages)
    monkeypatch.setattr(install, "NEEDS", {"test": (missing,)})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    wrong_setup = 2
    assert wrong_setup == install.main([])
    told = capsys.readouterr().err
    assert "a server program" in told
    assert "sudo apt-get install" in told


def test_a_program_with_a_service_is_never_installed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where such a package cannot be had, nothing tells the reader to install it, only to download it."""
    missing = install.Need("a web server", lambda: None, "no-such-package-anywhere", unpacked=True)
    monkeypatch.setattr(install, "NEEDS", {"test": (), "bench": (missing,)})
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    wrong_setup = 2
    assert wrong_setup == install.main(["bench"])
    told = capsys.readouterr().err
    assert "apt-get download no-such-package-anywhere" in told
    assert "apt-get install" not in told


def test_an_unknown_group_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """The groups that there are are told to whoever names another."""
    wrong_usage = 2
    assert wrong_usage == install.main(["prof"])
    assert "prof; there are test, proof, bench" in capsys.readouterr().err


def test_installing_never_removes_a_package() -> None:
    """Packages are installed without recommends, and apt is told to refuse if another would have to go."""
    command = install.install_command(["redis-tools"])
    assert {"--no-install-recommends", "--no-remove", "redis-tools"} <= set(command)


def test_the_libraries_that_a_machine_lacks_come_with_an_unpacked_program() -> None:
    """They are what an installation would bring anew; fonts, scripts and upgrades are left out."""
    simulated = (
        "Inst libc6 [2.36-9] (2.37-1 Debian:12 [amd64])\n"
        "Inst fonts-icons (1.0 Debian:12 [all])\n"
        "Inst libjs-moment (2.29 Debian:12 [all])\n"
        "Inst libluajit-5.1-2 (2.1 Debian:12 [amd64])\n"
        "Inst wrk (4.1 Debian:12 [amd64])\n"
        "Conf wrk (4.1 Debian:12 [amd64])\n"
    )
    assert ["libluajit-5.1-2"] == libraries_of(simulated, "wrk")


def test_an_unpacked_program_is_found_with_its_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the PATH does not have is taken from the private folder, and told where its libraries are."""
    script = tmp_path / "usr" / "sbin" / "nginx"
    script.parent.mkdir(parents=True)
    libraries = tmp_path / "usr" / "lib" / "any-linux-gnu"
    libraries.mkdir(parents=True)
    script.write_text('#!/bin/sh\necho "libraries in $LD_LIBRARY_PATH" >&2\n')
    script.chmod(0o755)
    monkeypatch.setattr(programs, "PRIVATE_ROOT", tmp_path)
    monkeypatch.setattr(programs, "SERVER_FOLDERS", ())
    monkeypatch.setenv("PATH", "")

    found = programs.find_program("nginx")

    assert found is not None
    assert str(script) == found.path
    assert f"libraries in {libraries}" == found.version
    assert str(libraries) == found.environment()["LD_LIBRARY_PATH"]


def test_a_program_that_cannot_run_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that ends in an error when asked for its version, as one whose libraries are missing, is not found."""
    script = tmp_path / "nginx"
    script.write_text("#!/bin/sh\nexit 127\n")
    script.chmod(0o755)
    monkeypatch.setattr(programs, "PRIVATE_ROOT", tmp_path / "empty")
    monkeypatch.setattr(programs, "SERVER_FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find_program("nginx") is None
