"""`farmlokal serve`: a process that starts, answers, drains and ends in good order."""

import json
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click import Context

from farmlokal.cli.main import cli
from farmlokal.database.schema import SCHEMA_VERSION
from tests.servers.process import free_port
from tests.support.command import (
    DONE_WAIT_MAX_S,
    farmlokal,
    get,
    make_catalogue,
    running,
    wait_until_ready,
)
from tests.support.products import PRODUCTS

PASSWORD = "hunter2-hunter2"


def test_several_workers_without_a_schema_are_one_line(shared: dict[str, str], tmp_path: Path) -> None:
    """The fault is told once, not once per worker, and with the exit code of a failure."""
    done = farmlokal(shared, tmp_path, "serve", "--port", "0", "--workers", "3")
    assert (1, "farmlokal: the database holds no FarmLokal schema: run `farmlokal init-db`\n") == (
        done.returncode,
        done.stderr,
    )


def test_a_service_starts_serves_and_stops_on_sigterm(environment: dict[str, str], tmp_path: Path) -> None:
    """One process: ready, a page, a clean end with exit code 0, a log of whole JSON lines, and cursors that last."""
    make_catalogue(environment)
    port = free_port()
    cursors = []
    for _ in range(2):
        with running(environment, tmp_path, "serve", "--port", str(port)) as service:
            wait_until_ready(service, port)
            status, _, page = get(port, "/products?limit=5")
            assert (200, 5) == (status, len(page["data"]))
            cursors.append(page["page"]["next_cursor"])
            assert 200 == get(port, f"/products?limit=5&cursor={cursors[0]}")[0]
            service.send_signal(signal.SIGTERM)
            _, log = service.communicate(timeout=DONE_WAIT_MAX_S)
        assert 0 == service.returncode, log
        lines = [json.loads(line) for line in log.splitlines()]
        assert ["serving", "draining", "stopped"] == [line["event"] for line in lines]
        assert {
            "url": f"http://127.0.0.1:{port}",
            "database": f"sqlite {tmp_path / 'catalogue.db'}",
            "schema_version": SCHEMA_VERSION,
            "redis": "none",
            "products": PRODUCTS,
        }.items() <= lines[0].items()
    assert cursors[0] == cursors[1]
    assert 0o600 == (tmp_path / "catalogue.db.key").stat().st_mode & 0o777


def test_a_draining_service_serves_until_the_stated_time(environment: dict[str, str], tmp_path: Path) -> None:
    """After SIGTERM it answers on, says that it is not ready, and ends when the time is over."""
    make_catalogue(environment)
    port = free_port()
    with running(environment | {"FARMLOKAL_DRAIN_S": "2"}, tmp_path, "serve", "--port", str(port)) as service:
        wait_until_ready(service, port)
        service.send_signal(signal.SIGTERM)
        started = time.monotonic()
        while get(port, "/readyz")[0] != 503:  # until it has ended, and refuses
            time.sleep(0.02)
        assert (200, 200) == (get(port, "/products")[0], get(port, "/livez")[0])
        service.communicate(timeout=DONE_WAIT_MAX_S)
    assert 1.5 < time.monotonic() - started
    assert 0 == service.returncode


def test_a_taken_port_is_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    """Two services on one port: the second says so and ends with exit code 1."""
    make_catalogue(environment)
    port = free_port()
    with running(environment, tmp_path, "serve", "--port", str(port)) as service:
        wait_until_ready(service, port)
        done = farmlokal(environment, tmp_path, "serve", "--port", str(port))
        service.send_signal(signal.SIGTERM)
        service.communicate(timeout=DONE_WAIT_MAX_S)
    assert 1 == done.returncode
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("farmlokal: ")]
    assert "address already in use" in line
    assert "Traceback" not in done.stderr


def test_two_workers_share_a_port_and_stop_with_zero(shared: dict[str, str], tmp_path: Path) -> None:
    """Several processes over MariaDB and Redis: they answer, refuse in our words, and end in good order.

    What they serve is said once, without the passwords.
    """
    make_catalogue(shared)
    place, redis = urlsplit(shared["FARMLOKAL_DATABASE_URL"]), urlsplit(shared["FARMLOKAL_REDIS_URL"])
    # A Redis whose default user has no password takes any.
    shared["FARMLOKAL_REDIS_URL"] = redis._replace(netloc=f"default:{PASSWORD}@{redis.netloc}").geturl()
    port = free_port()
    with running(shared, tmp_path, "serve", "--port", str(port), "--workers", "2") as service:
        wait_until_ready(service, port)
        answers = [get(port, "/products?limit=5") for _ in range(20)]
        assert [200] * 20 == [status for status, _, _ in answers]
        assert 1 == len({headers["ETag"] for _, headers, _ in answers})
        assert 1 <= sum("fwd=miss" in headers["Cache-Status"] for _, headers, _ in answers) <= 2
        status, headers, content = get(port, "/products?limit=0")
        assert (400, "application/problem+json") == (status, headers["Content-Type"])
        assert ["limit"] == [fault["parameter"] for fault in content["errors"]]
        assert 414 == get(port, f"/products?{'a' * 9000}")[0]
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=DONE_WAIT_MAX_S)
    assert 0 == service.returncode, log
    lines = [json.loads(line) for line in log.splitlines()]
    assert 2 == sum(line["event"].startswith("Booting worker") for line in lines)
    (serving,) = [line for line in lines if line["event"] == "serving"]
    assert {
        "url": f"http://127.0.0.1:{port}",
        "workers": 2,
        "database": f"mysql {place.hostname}:{place.port}{place.path}",
        "schema_version": SCHEMA_VERSION,
        "redis": redis._replace(netloc=f"default:***@{redis.netloc}").geturl(),
        "products": PRODUCTS,
    }.items() <= serving.items()
    assert PASSWORD not in log
    assert 2 == sum(line["event"] == "draining" for line in lines)
    assert [] == [line for line in lines if line["level"] in ("warning", "error", "critical")]


@pytest.mark.parametrize(("arguments", "workers"), [((), 3), (("--workers", "2"), 2)])
def test_a_platform_may_say_how_many_workers(
    arguments: tuple[str, ...], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`WEB_CONCURRENCY` is the number of processes where the command line names none."""
    monkeypatch.setenv("WEB_CONCURRENCY", "3")
    parsed = cli.commands["serve"].make_context("serve", list(arguments), parent=Context(cli))
    assert workers == parsed.params["workers"]
