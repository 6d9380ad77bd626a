"""`farmlokal serve --host`: one form of an address for any number of processes, and `::` for both families."""

import asyncio
import signal
import socket
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
import uvloop

from farmlokal.app.listening import BACKLOG, accepting, base_url, listen_on
from tests.servers.process import free_port
from tests.support.command import DONE_WAIT_MAX_S, farmlokal, make_catalogue, running
from tests.support.waiting import until

IPV4, IPV6 = "127.0.0.1", "::1"
BOTH = (IPV4, IPV6)
_START_WAIT_MAX_S = 60


@pytest.fixture
def shared(shared: dict[str, str]) -> dict[str, str]:
    """A machine with MariaDB and Redis, and a catalogue."""
    make_catalogue(shared)
    return shared


def status(address: str, port: int, target: str) -> int | None:
    """The status of one request to that address; None where nobody listens."""
    with closing(HTTPConnection(address, port, timeout=10)) as connection:
        try:
            connection.request("GET", target)
        except ConnectionRefusedError:
            return None
        return connection.getresponse().status


def statuses(port: int, target: str) -> tuple[int | None, ...]:
    """The statuses of one request to each of the loopback addresses."""
    return tuple(status(address, port, target) for address in BOTH)


@pytest.mark.parametrize(
    ("host", "workers", "answers"),
    [
        ("::", 1, (200, 200)),
        ("[::]", 2, (200, 200)),
        ("::1", 2, (None, 200)),
        ("0.0.0.0", 1, (200, None)),  # noqa: S104 - what is tried
    ],
)
async def test_an_address_has_one_form(
    host: str, workers: int, answers: tuple[int | None, ...], shared: dict[str, str], tmp_path: Path
) -> None:
    """With any number of processes, service and metrics are reached where the address says, and only there."""
    port, metrics_port = free_port(), free_port()
    arguments = ("serve", "--host", host, "--port", str(port), "--workers", str(workers))
    variables = shared | {"FARMLOKAL_METRICS_PORT": str(metrics_port)}
    with running(variables, tmp_path, *arguments) as service:
        await until(lambda: service.poll() is not None or 200 in statuses(port, "/readyz"), _START_WAIT_MAX_S)
        assert service.poll() is None, service.communicate()
        assert answers == statuses(port, "/products?limit=1")
        assert answers == statuses(metrics_port, "/metrics")
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=DONE_WAIT_MAX_S)
    assert 0 == service.returncode, log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_in_one_family_is_one_line(workers: str, shared: dict[str, str], tmp_path: Path) -> None:
    """Where another program has the port under IPv4, `::` is refused as a whole, with the port in the line."""
    with socket.create_server((IPV4, 0)) as other:
        port = other.getsockname()[1]
        done = farmlokal(shared, tmp_path, "serve", "--host", "::", "--port", str(port), "--workers", workers)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("farmlokal: ")]
    assert line.endswith(f"cannot listen on '::', port {port}: address already in use")
    assert 1 == done.returncode


def test_a_host_that_is_none_is_named(shared: dict[str, str], tmp_path: Path) -> None:
    """The line says which name nobody knows."""
    done = farmlokal(shared, tmp_path, "serve", "--host", "no.such.invalid", "--port", "0", "--workers", "2")
    assert (1, True) == (done.returncode, "cannot listen on 'no.such.invalid'" in done.stderr), done.stderr


@pytest.mark.parametrize("host", ["::", "::1"])
def test_brackets_change_nothing(host: str) -> None:
    """As in a URL, or without: the same sockets."""
    found = []
    for written in (host, f"[{host}]"):
        with ExitStack() as sockets:
            opened = [sockets.enter_context(one) for one in listen_on(written, 0)]
            found.append([(one.family, one.getsockname()[0]) for one in opened])
    assert found[0] == found[1]


def test_a_free_port_is_the_same_in_both_families() -> None:
    """Port 0 under `::` is one port, whose URLs are written as each family wants it."""
    with ExitStack() as sockets:
        found = [sockets.enter_context(one) for one in listen_on("::", 0)]
        port = found[0].getsockname()[1]
        assert [f"http://[::]:{port}", f"http://0.0.0.0:{port}"] == [base_url(one) for one in found]


def test_each_peer_is_seen_under_its_own_address() -> None:
    """An IPv4 client of `::` is no `::ffff:…`: logs and the rate limit's networks know it as everywhere else."""
    with ExitStack() as sockets:
        for one in listen_on("::", 0):
            sockets.enter_context(one)
            address = IPV6 if one.family == socket.AF_INET6 else IPV4
            sockets.enter_context(socket.create_connection((address, one.getsockname()[1])))
            peer, name = one.accept()
            peer.close()
            assert address == name[0]


def test_a_machine_without_ipv6_still_has_every_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the kernel has no IPv6, `::` is IPv4 alone: one image runs everywhere."""
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with ExitStack() as sockets:
        (found,) = [sockets.enter_context(one) for one in listen_on("::", 0)]
        assert socket.AF_INET == found.family


class _Accepted(asyncio.Protocol):
    """Counts connections."""

    count = 0

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        """Count one."""
        type(self).count += 1


@pytest.mark.parametrize(("workers", "in_a_turn"), [(1, 16), (2, 8), (100, 1)])
def test_many_clients_at_once_are_accepted_in_few_turns(workers: int, in_a_turn: int) -> None:
    """Several in each turn of the event loop; by itself it accepts one, and answers everybody else in between."""
    clients = 96

    async def turns_taken() -> int:
        loop, turns, _Accepted.count = asyncio.get_running_loop(), 0, 0
        listening = accepting(listen_on(IPV4, 0), workers)
        address = listening[0].getsockname()[:2]
        with ExitStack() as opened:
            for one in listening:
                server = await loop.create_server(_Accepted, sock=one, backlog=BACKLOG)
                opened.callback(server.close)
            for _ in range(clients):
                opened.enter_context(socket.create_connection(address))
            while _Accepted.count < clients:
                turns += 1
                await asyncio.sleep(0)
        return turns

    assert clients / in_a_turn <= uvloop.run(turns_taken()) <= 2 * clients / in_a_turn
