"""SIGTERM under load: whoever has a connection is answered; so is whoever can connect, until the service is gone."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

import pytest

from farmlokal.app import server
from tests.app.steady_clients import KINDS, SteadyClients, steady_clients
from tests.servers.process import free_port
from tests.support.command import DONE_WAIT_MAX_S, developers, make_catalogue, operators, run_module
from tests.support.logged_process import LoggedProcess
from tests.support.products import catalogue
from tests.support.secret_watch import watch_output
from tests.support.service import Service, serving, settings_for
from tests.support.waiting import until
from tests.support.webhook_sender import SECRET

DRAIN_S = 2


@asynccontextmanager
async def waiting_clients(service: Service) -> AsyncIterator[list[socket.socket]]:
    """Five clients whom the kernel has let in, with their requests, and the event loop has not seen yet."""
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", service.port))) for _ in range(5)]
        for client in clients:
            client.sendall(b"GET /products HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        yield clients


def first_line(client: socket.socket) -> str:
    """What a client gets to see of its answer."""
    try:
        return client.makefile().readline().strip()
    except ConnectionResetError:
        return "reset"


async def test_a_closed_listening_socket_resets_whom_it_let_in(tmp_path: Path) -> None:
    """Without the care that is taken below, clients who did connect are lost."""
    async with serving(settings_for(await catalogue(tmp_path))) as service, waiting_clients(service) as clients:
        for site in service.runner.sites:
            await site.stop()
        answers = await asyncio.gather(*(asyncio.to_thread(first_line, client) for client in clients))
    assert ["reset"] * 5 == answers


async def test_whom_the_kernel_let_in_is_answered(tmp_path: Path) -> None:
    """A process that stops accepting takes over those who wait to be accepted."""
    async with serving(settings_for(await catalogue(tmp_path))) as service, waiting_clients(service) as clients:
        await server._stop_accepting(service.runner)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", service.port))
        answers = await asyncio.gather(*(asyncio.to_thread(first_line, client) for client in clients))
    assert ["HTTP/1.1 200 OK"] * 5 == answers


async def stop_under_load(process: LoggedProcess) -> SteadyClients:
    """Send SIGTERM while clients ask; what became of them."""
    try:
        await process.until_ready()
        async with steady_clients(process.port) as clients:
            await until(lambda: len(clients.answers) >= len(KINDS))
            assert len(KINDS) == len(clients.answers), clients.answers
            before = clients.answers.copy()
            process.process.send_signal(signal.SIGTERM)
            assert 0 == await asyncio.to_thread(process.process.wait, DONE_WAIT_MAX_S), process.log
        # Through the whole drain, and no longer than there was a service.
        assert all(clients.answers[kind] > before[kind] + DRAIN_S for kind in before), (before, clients.answers)
    finally:
        process.kill()
        watch_output(process.log)
    assert [] == [line for line in process.lines if line["level"] in ("warning", "error", "critical")]
    return clients


async def test_no_request_fails_while_a_process_stops(tmp_path: Path) -> None:
    """One process: hits, misses and deliveries on kept and on new connections, and exit code 0."""
    environment = developers(tmp_path) | {
        "FARMLOKAL_DRAIN_S": str(DRAIN_S),
        "FARMLOKAL_WEBHOOK_SECRETS": SECRET,
    }
    await asyncio.to_thread(make_catalogue, environment)
    clients = await stop_under_load(LoggedProcess(environment, tmp_path))
    assert [] == clients.failures


@pytest.mark.proof
@pytest.mark.timeout(180)
@pytest.mark.parametrize("turn", range(3))
async def test_no_request_fails_while_four_workers_stop(
    tmp_path: Path, mysql_url: str, redis_url: str, turn: int
) -> None:
    """Four workers over MariaDB and Redis: the same, each time."""
    environment = operators(tmp_path, mysql_url, redis_url) | {
        "FARMLOKAL_DRAIN_S": str(DRAIN_S),
        "FARMLOKAL_WEBHOOK_SECRETS": SECRET,
    }
    await asyncio.to_thread(make_catalogue, environment)
    clients = await stop_under_load(LoggedProcess(environment, tmp_path, "--workers", "4"))
    assert [] == clients.failures, turn


@pytest.mark.parametrize("whose", ["ours", pytest.param("gunicorn's", marks=pytest.mark.proof)])
def test_a_worker_that_has_only_begun_is_told_to_stop(tmp_path: Path, whose: str) -> None:
    """By gunicorn's own arbiter it is not: it serves on until it is killed. With ours it ends by itself."""
    environment = developers(tmp_path) | {"PYTHONPATH": str(Path(__file__).parents[2])}
    make_catalogue(environment)
    done = run_module("tests.app.slow_worker", environment, tmp_path, str(free_port()), whose)
    assert 0 == done.returncode, done.stderr
    assert ("Worker exiting" in done.stdout + done.stderr) == (whose == "ours"), done.stderr
