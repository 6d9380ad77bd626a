"""Real processes that share a Redis: one token request for all of their callers."""

import asyncio
import resource
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from tests.servers.process import free_port
from tests.support.command import developers, make_catalogue, running, wait_until_ready
from tests.support.partner import TOKEN, PartnerStand, partner_stand
from tests.support.service import SECRET_KEY

PROCESSES, CALLERS = 4, 1000
API_KEY = "a-key-of-the-tests"
_FILES = 3 * PROCESSES * CALLERS // 2


@pytest.fixture(autouse=True)
def many_sockets() -> Iterator[None]:
    """Room for every caller's socket, here and in the processes that are started."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def ask(ports: list[int]) -> list[tuple[int, str]]:
    """Status and token of CALLERS requests to each port, all at once."""

    async def one(session: ClientSession, port: int) -> tuple[int, str]:
        async with session.get(f"http://127.0.0.1:{port}/auth/token", headers={"X-API-Key": API_KEY}) as response:
            content = await response.json(content_type=None)
            return response.status, content.get("access_token", str(content))

    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        return await asyncio.gather(*(one(session, port) for port in ports for _ in range(CALLERS)))


async def stampede(partner: PartnerStand, folder: Path, **more: str) -> set[tuple[int, str]]:
    """What the callers of fresh processes are given, together: statuses and tokens."""
    environment = developers(folder) | {
        "FARMLOKAL_SECRET_KEY": SECRET_KEY,
        "FARMLOKAL_API_KEYS": API_KEY,
        "FARMLOKAL_OAUTH_TOKEN_URL": f"{partner.url}/oauth/token",
        "FARMLOKAL_OAUTH_CLIENT_ID": CLIENT_ID,
        "FARMLOKAL_OAUTH_CLIENT_SECRET": CLIENT_SECRET,
        **more,
    }
    ports = [free_port() for _ in range(PROCESSES)]
    with ExitStack() as processes:
        for port in ports:
            arguments = ("serve", "--port", str(port), "--workers", "1")
            process = processes.enter_context(running(environment, folder, *arguments))
            await asyncio.to_thread(wait_until_ready, process, port)
        return set(await ask(ports))


@pytest.mark.proof
async def test_one_token_request_for_thousands_of_callers(tmp_path: Path, redis_url: str) -> None:
    """1,000 callers at once on each of 4 processes with a cold cache: one request with the lease, several without."""
    await asyncio.to_thread(make_catalogue, developers(tmp_path))
    async with partner_stand() as partner:
        partner.fault({"kind": "latency", "route": TOKEN, "latency_s": 0.3})
        alone = await stampede(partner, tmp_path)
        assert (PROCESSES, PROCESSES) == (partner.requests(TOKEN), len(alone))
        # A machine this busy may be slow to answer without Redis being away.
        shared = {"FARMLOKAL_REDIS_URL": redis_url, "FARMLOKAL_REDIS_WAIT_MS": "2000"}
        together = await stampede(partner, tmp_path, **shared)
        assert 1 == partner.requests(TOKEN) - PROCESSES
    assert [200] == [status for status, _ in together]
