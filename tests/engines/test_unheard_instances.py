"""One instance alone is cut off from Redis, and goes on writing: what the others call fresh, on real servers."""

import asyncio
import time
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from aiohttp import ClientSession

from farmlokal.caching.unheard import Deliveries
from farmlokal.web import keys
from tests.servers.process import free_port
from tests.support.backends import on_every_server
from tests.support.cache import is_listening
from tests.support.command import operators, running, wait_until_ready
from tests.support.lateness import lateness
from tests.support.raw_requests import Answer, ask, max_age_s
from tests.support.service import open_database, serving, settings_for
from tests.support.staleness import worst_staleness_s
from tests.support.tcp_proxy import tcp_proxy
from tests.support.waiting import eventually, until
from tests.support.webhook_sender import PATH, SECRET, deliver, product

pytestmark = pytest.mark.proof

PAGE = "/products?category=honey"
# The goal after every fault: so long may an old page be called fresh.
OLD_MAX_S = 1.0
# Far longer than a test: nothing is old enough by itself to be no longer called fresh.
_TTL_S = 600
_LASTS_S = 5.0
_READ_EVERY_S, _WRITE_EVERY_S = 0.02, 0.4


async def write(client: ClientSession, number: int, url: str = PATH) -> None:
    """Write the number of the write into the product's stock."""
    data = product("tracked", number, name="Tracked", category="honey", stock=number)
    answer = await deliver(client, "product.upserted", data, url=url)
    assert 200 == answer.status, answer.content


async def page(port: int) -> tuple[int, bool]:
    """The stock that the page shows of the one product that there is, and whether that is called fresh."""
    answer: Answer = await ask(port, PAGE)
    assert 200 == answer.status, answer.body
    (row,) = answer.json()["data"]
    return row["stock"], max_age_s(answer) > 0


async def until_shown(port: int, number: int) -> None:
    """Wait until the page shows this write, as fresh."""
    await eventually(lambda: page(port), lambda shown: shown == (number, True))


@on_every_server
@pytest.mark.parametrize(("how", "looking"), [("swallow", False), ("swallow", True), ("refuse", True)])
async def test_its_writes_are_heard_of_within_a_second(
    backend_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch, how: str, looking: bool
) -> None:
    """Where nobody looks for them in the database, another calls pages fresh that are as old as the cut; else none."""
    if not looking:
        monkeypatch.setattr(Deliveries, "look", lambda _: asyncio.sleep(0))
    others = {"webhook_secrets": SECRET, "cache_ttl_s": _TTL_S}
    direct = settings_for(backend_url, redis_url=redis_url, **others)
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    writes: list[tuple[str, float, int]] = []
    readings: list[tuple[str, float, int]] = []
    numbers = count(1)
    async with open_database(backend_url), tcp_proxy(port) as proxy:
        cut_off = settings_for(backend_url, redis_url=redis_url.replace(f":{port}/", f":{proxy.port}/"), **others)
        async with serving(cut_off) as writing, serving(direct) as other, lateness() as late:
            await until(lambda: is_listening(writing.app[keys.CACHE]) and is_listening(other.app[keys.CACHE]))

            over = asyncio.Event()

            async def keep_writing() -> None:
                while not over.is_set():
                    number = next(numbers)
                    await write(writing.client, number)
                    writes.append(("tracked", time.monotonic(), number))
                    await asyncio.sleep(_WRITE_EVERY_S)

            task = asyncio.create_task(keep_writing())
            await eventually(lambda: _shown_if_any(other.port), lambda shown: shown[1])
            getattr(proxy, how)()
            end = time.monotonic() + _LASTS_S
            while time.monotonic() < end:
                asked_at = time.monotonic()
                stock, fresh = await page(other.port)
                if fresh:
                    readings.append(("tracked", asked_at, stock))
                await asyncio.sleep(_READ_EVERY_S)
            over.set()
            await task
            proxy.pass_on()
            await until_shown(other.port, max(number for *_, number in writes))
    worst_s, answers = worst_staleness_s([{"writes": writes, "readings": readings}])
    print(f"\n{how}, looking={looking}: old called fresh for {worst_s:.2f} s in {answers} answers")  # noqa: T201
    if looking:
        assert answers > 0
        assert worst_s < OLD_MAX_S + late.allowed_s
    else:
        assert worst_s > _LASTS_S / 2


async def _shown_if_any(port: int) -> tuple[int, bool]:
    """As `page`; nothing where there is no product yet."""
    answer = await ask(port, PAGE)
    return (0, False) if not answer.json()["data"] else await page(port)


@on_every_server
async def test_killed_right_after_its_answer_it_is_heard_of(backend_url: str, redis_url: str, tmp_path: Path) -> None:
    """Where it knew that Redis is away, what others have to hear was committed with the write itself."""
    port = int(redis_url.rpartition(":")[2].partition("/")[0])
    further = {
        "FARMLOKAL_WEBHOOK_SECRETS": SECRET,
        "FARMLOKAL_CACHE_TTL_S": str(_TTL_S),
        "FARMLOKAL_LOG_LEVEL": "error",
    }
    async with open_database(backend_url), tcp_proxy(port) as proxy, ClientSession() as client:
        with ExitStack() as stack:
            ports, processes = [free_port(), free_port()], []
            for own, redis_port in zip(ports, (proxy.port, port), strict=True):
                url = redis_url.replace(f":{port}/", f":{redis_port}/")
                variables = operators(tmp_path, backend_url, url) | further
                arguments = ("serve", "--port", str(own), "--workers", "1")
                processes.append(stack.enter_context(running(variables, tmp_path, *arguments)))
                await asyncio.to_thread(wait_until_ready, processes[-1], own)
            url = f"http://127.0.0.1:{ports[0]}{PATH}"
            await write(client, 1, url)
            await until_shown(ports[1], 1)
            proxy.swallow()
            await write(client, 2, url)
            await until_shown(ports[1], 2)  # so the writer has found out
            await write(client, 3, url)
            processes[0].kill()
            await until_shown(ports[1], 3)
