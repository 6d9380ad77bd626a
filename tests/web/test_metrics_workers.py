"""The metrics of several worker processes: whichever is asked tells what all of them did, the dead ones too."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from http.client import HTTPConnection
from itertools import cycle, islice
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, TCPConnector

from farmlokal.web.edge.request_counts import OTHER, UNMATCHED
from tests.servers.process import free_port
from tests.support.command import developers, farmlokal, make_catalogue, operators, running, wait_until_ready
from tests.support.raw_requests import exchange
from tests.support.waiting import eventually
from tests.web.scraping import SECONDS, Scrape, scrape

WORKERS = 4
# Each with what a client counts it as.
QUESTIONS = (
    ("GET", "/products", "/products"),
    ("GET", "/products?limit=5&sort=price", "/products"),
    ("HEAD", "/products?limit=5", "/products"),
    ("GET", "/products?limit=0", "/products"),
    ("GET", "/products/1", "/products/{id}"),
    ("GET", "/products/none", "/products/{id}"),
    ("GET", "/products/99999999", "/products/{id}"),
    ("GET", "/categories", "/categories"),
    ("GET", "/auth/token", "/auth/token"),
    ("POST", "/external/webhook", "/external/webhook"),
    ("DELETE", "/products", UNMATCHED),
    ("GET", "/no/such/thing", UNMATCHED),
)


@asynccontextmanager
async def client_of(port: int, *, keep: bool = False) -> AsyncIterator[ClientSession]:
    """A client that opens a connection for every request, so that every worker gets some; unless it is to keep it."""
    async with ClientSession(f"http://127.0.0.1:{port}", connector=TCPConnector(force_close=not keep)) as client:
        yield client


async def ask_all(port: int, times: int) -> Counter[tuple[str, str, int]]:
    """Ask every question that often, many at once; the answers that came, by route, method and status."""
    counted: Counter[tuple[str, str, int]] = Counter()
    questions = islice(cycle(QUESTIONS), times * len(QUESTIONS))

    async def ask_on(*, keep: bool) -> None:
        async with client_of(port, keep=keep) as client:
            for method, target, route in questions:
                async with client.request(method, target) as response:
                    await response.read()
                counted[route, method, response.status] += 1

    async def ask_rubbish() -> None:
        for _ in range(times):
            counted[UNMATCHED, OTHER, (await exchange(port, b"rubbish\r\n\r\n")).status] += 1

    await asyncio.gather(*(ask_on(keep=number % 2 == 0) for number in range(16)), ask_rubbish())
    return counted


async def told(port: int) -> Scrape:
    """What one of the workers tells."""
    async with client_of(port) as client:
        return await scrape(client)


def news(before: Scrape, after: Scrape) -> Counter[tuple[str, str, int]]:
    """The answers between two scrapes but for those to scrapes and probes."""
    counted = Counter(after.requests())
    counted.subtract(before.requests())
    return Counter({key: number for key, number in counted.items() if number and key[0] not in ("/metrics", "/readyz")})


def workers_of(pid: int) -> list[int]:
    """The children of a process."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


async def until_gone(pid: int, victim: int) -> None:
    """Wait until the process `pid` has noticed that its child is dead."""
    for _ in range(1000):
        if victim not in workers_of(pid):
            return
        await asyncio.sleep(0.02)
    raise AssertionError("nobody has noticed")


async def until_workers(port: int, expected: int) -> Scrape:
    """What is told once so many processes are ready; the time for that is bounded."""
    deadline = time.monotonic() + 30
    while True:
        with suppress(OSError):
            found = await told(port)
            if (expected, expected) == (found("farmlokal_workers"), found("farmlokal_ready")):
                return found
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


@pytest.fixture
def port(tmp_path: Path, mysql_url: str, redis_url: str) -> Iterator[tuple[int, int]]:
    """Return the port of a service with four workers, and the process that started them."""
    environment = operators(tmp_path, mysql_url, redis_url) | {"FARMLOKAL_RATE_LIMIT": "off"}
    make_catalogue(environment)
    number = free_port()
    with running(environment, tmp_path, "serve", "--port", str(number), "--workers", str(WORKERS)) as service:
        wait_until_ready(service, number)
        yield number, service.pid
        service.send_signal(signal.SIGTERM)
        service.communicate(timeout=30)


async def test_four_workers_tell_exactly_what_a_client_counted(port: tuple[int, int]) -> None:
    """Every status of every route, summed over the workers, at once; also after a worker was killed and replaced."""
    number, pid = port
    before = await until_workers(number, WORKERS)
    counted = await ask_all(number, 100)
    assert 100 * (len(QUESTIONS) + 1) == counted.total()
    assert counted == news(before, await told(number))

    victim = workers_of(pid)[0]
    os.kill(victim, signal.SIGKILL)
    await until_gone(pid, victim)
    after = await until_workers(number, WORKERS)
    assert counted == news(before, after), "nothing is lost, and nothing goes back"

    counted += await ask_all(number, 20)
    # What the mechanisms count for themselves arrives with the next second.
    await asyncio.sleep(1.5)
    at_last = await eventually(lambda: told(number), lambda found: news(before, found) == counted)
    lookups = sum(at_last.told("farmlokal_cache_lookups_total", "outcome").values())
    assert (
        lookups >= sum(seen for (route, _, status), seen in counted.items() if status == 200 and "{" not in route) / 2
    )
    for route in ("/products", "/categories"):
        answers = sum(seen for key, seen in at_last.requests().items() if key[0] == route)
        assert answers == at_last(f"{SECONDS}_count", route=route)


class Restless:
    """Clients that go on asking while workers come and go."""

    def __init__(self, port: int, pid: int, *, ask_s: float) -> None:
        self.port = port
        self.pid = pid
        self.ending = time.monotonic() + ask_s
        self.counted: Counter[tuple[str, str, int]] = Counter()
        self.lost = 0

    async def ask(self, *, keep: bool) -> None:
        """Ask, and count what comes."""
        async with client_of(self.port, keep=keep) as client:
            # What aiohttp asks a second time by itself may have been counted the first time, and nobody would know.
            client._retry_connection = False
            for method, target, route in cycle(QUESTIONS):
                if time.monotonic() > self.ending:
                    return
                try:
                    async with client.request(method, target) as response:
                        await response.read()
                    # A worker that had ceased to read heads gives up on them without knowing what they were.
                    asked = (UNMATCHED, OTHER) if response.status == 408 else (route, method)
                    self.counted[*asked, response.status] += 1
                except (OSError, ClientError):
                    self.lost += 1

    async def disturb(self) -> None:
        """Kill a worker, and reload the others, again and again."""
        while time.monotonic() < self.ending - 8:
            os.kill(workers_of(self.pid)[-1], signal.SIGKILL)
            await asyncio.sleep(1.5)
            os.kill(self.pid, signal.SIGHUP)
            await asyncio.sleep(3)

    async def watch(self) -> None:
        """See that nothing goes back."""
        last: Counter[tuple[str, str, int]] = Counter()
        while time.monotonic() < self.ending:
            with suppress(OSError, ClientError):
                found = Counter((await told(self.port)).requests())
                assert last <= found
                last = found
            await asyncio.sleep(0.2)


@pytest.mark.proof
@pytest.mark.timeout(200)
async def test_reloads_and_crashes_under_load_lose_no_answer(port: tuple[int, int]) -> None:
    """Workers are replaced again and again while clients ask: every answer that came is counted, no number goes back.

    A killed worker takes answers along that it had made and not sent: they are counted, though nobody got them.
    """
    number, pid = port
    before = await until_workers(number, WORKERS)
    restless = Restless(number, pid, ask_s=30)
    await asyncio.gather(
        *(restless.ask(keep=client % 2 == 0) for client in range(8)), restless.disturb(), restless.watch()
    )
    found = news(before, await until_workers(number, WORKERS))
    assert restless.counted.total() > 1000
    assert restless.counted <= found
    assert found.total() - restless.counted.total() <= restless.lost


def metrics_at(port: int, target: str = "/metrics") -> tuple[int, str]:
    """Status and text of one request."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, response.read().decode()


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.proof), 2])
def test_a_port_of_its_own_has_the_metrics_alone(tmp_path: Path, workers: int) -> None:
    """With FARMLOKAL_METRICS_PORT they are there and nowhere else, nothing else is there, and any worker may die."""
    port, metrics_port = free_port(), free_port()
    environment = developers(tmp_path) | {"FARMLOKAL_METRICS_PORT": str(metrics_port)}
    make_catalogue(environment)
    with running(environment, tmp_path, "serve", "--port", str(port), "--workers", str(workers)) as service:
        wait_until_ready(service, port)
        assert 404 == metrics_at(port)[0]
        assert 404 == metrics_at(metrics_port, "/products")[0]
        assert 200 == metrics_at(port, "/products")[0]
        for victim in workers_of(service.pid):
            status, text = metrics_at(metrics_port)
            assert (200, 1) == (status, Scrape(text).requests()["/products", "GET", 200])
            os.kill(victim, signal.SIGKILL)
            asyncio.run(until_workers(metrics_port, workers))
        status, text = metrics_at(metrics_port)
        assert (200, 1) == (status, Scrape(text).requests()["/products", "GET", 200])
        assert ("process_open_fds" in text) == (workers == 1), "those of one process are not those of the service"
        done = farmlokal(environment, tmp_path, "serve", "--port", str(free_port()), "--workers", str(workers))
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=30)
    assert 0 == service.returncode, log
    assert 1 == done.returncode
    assert "in use" in done.stderr.splitlines()[-1]
