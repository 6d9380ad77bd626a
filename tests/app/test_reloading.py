"""Several workers: replaced on SIGHUP, after a crash, and when one cannot start; nobody who asks then is harmed."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from farmlokal.caching.redis.keys import RedisKeys
from tests.app.steady_clients import HITS, KINDS, steady_clients
from tests.support.cache import own_client
from tests.support.command import get, make_catalogue, operators
from tests.support.logged_process import LoggedProcess, logged_process
from tests.support.own_servers import StartMariaDB
from tests.support.redis_names import identity_at
from tests.support.waiting import until
from tests.support.webhook_sender import SECRET

pytestmark = [pytest.mark.proof, pytest.mark.alone, pytest.mark.timeout(180)]

WORKERS = 3
_REPLACED_WAIT_MAX_S = 60
# Each worker tells what is hot every ten seconds or so.
_TOLD_WAIT_MAX_S = 30


@asynccontextmanager
async def workers(environment: dict[str, str], folder: Path) -> AsyncIterator[LoggedProcess]:
    """A service with several workers; what its `.env` file says may change."""
    settings = {"FARMLOKAL_DRAIN_S": "1", "FARMLOKAL_WEBHOOK_SECRETS": SECRET}
    await asyncio.to_thread(make_catalogue, environment)
    async with logged_process(environment | settings, folder, "--workers", str(WORKERS)) as process:
        await until(lambda: len(pids(process)) == logged(process, "Booting worker") == WORKERS)
        yield process


def pids(process: LoggedProcess) -> set[int]:
    """The workers that there are."""
    pid = process.process.pid
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def write_env(folder: Path, **variables: str) -> None:
    """Write the `.env` file of the folder in which the service runs."""
    (folder / ".env").write_text("".join(f"FARMLOKAL_{name}={value}\n" for name, value in variables.items()), "utf-8")


async def reload(process: LoggedProcess) -> None:
    """Send SIGHUP; return once every worker is another."""
    before = pids(process)
    process.process.send_signal(signal.SIGHUP)
    await until(lambda: len(pids(process)) == WORKERS and not before & pids(process), _REPLACED_WAIT_MAX_S)


async def check_ttl(process: LoggedProcess, ttl_s: int, sort: str) -> None:
    """Whichever worker answers, pages that nobody asked for before live so long, give or take a tenth.

    A page whose load met a write is not stored, and says so by a lifetime of none.
    """
    stored = 0
    for limit in range(1, 101):
        status, headers, _ = await asyncio.to_thread(get, process.port, f"/products?sort={sort}&limit={limit}")
        assert 200 == status
        if "stored" not in headers["Cache-Status"]:
            continue
        age = re.search(r"max-age=(\d+)", headers["Cache-Control"])
        assert age is not None
        # What is left of it, after a load that a busy machine may hold up.
        assert abs(int(age[1]) / ttl_s - 1) < 0.2
        stored += 1
        if stored == 20:
            return
    raise AssertionError(f"of 100 pages {stored} were stored")


def logged(process: LoggedProcess, event: str) -> int:
    """How often an event that begins so stands in the log."""
    return sum(line["event"].startswith(event) for line in process.lines)


async def test_no_request_fails_while_the_workers_are_replaced(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """Two reloads under load; after each, all workers are new and go by what `.env` says now."""
    write_env(tmp_path, CACHE_TTL_S="100")
    async with workers(operators(tmp_path, mysql_url, redis_url), tmp_path) as process:
        await check_ttl(process, 100, "name")
        async with steady_clients(process.port, of_each=2) as clients:
            for ttl_s, sort in ((500, "price"), (1000, "rating")):
                write_env(tmp_path, CACHE_TTL_S=str(ttl_s))
                await reload(process)
                await check_ttl(process, ttl_s, sort)
                before = clients.answers.copy()
                await until(lambda: all(clients.answers[kind] > before[kind] for kind in before))  # noqa: B023
        assert [] == clients.failures
        assert len(KINDS) == len(clients.answers)
        assert [] == [line for line in process.lines if line["level"] in ("error", "critical")]


async def test_wrong_settings_are_kept_out(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """A reload with a wrong `.env` says so in one line, and the new workers go by the settings of before.

    A variable that is none of ours is warned of, as it is at a start.
    """
    write_env(tmp_path, CACHE_TTL_S="100")
    async with workers(operators(tmp_path, mysql_url, redis_url), tmp_path) as process:
        write_env(tmp_path, CACHE_TTL_S="never", RATE_LIMIT="much", STALE="5")
        async with steady_clients(process.port, kinds=HITS) as clients:
            await reload(process)
        assert [] == clients.failures, process.lines
        await check_ttl(process, 100, "name")
        (line,) = [line for line in process.lines if line["event"] == "settings not reloaded"]
        assert "FARMLOKAL_CACHE_TTL_S" in str(line["faults"])
        (line,) = [line for line in process.lines if line["event"] == "unknown variable"]
        assert ("FARMLOKAL_STALE", ".env", "FARMLOKAL_STALE_S") == (line["variable"], line["place"], line["nearest"])


async def test_a_killed_worker_is_replaced(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """After SIGKILL there are as many again, warm; who connects meanwhile is answered by the others."""
    async with workers(operators(tmp_path, mysql_url, redis_url), tmp_path) as process:
        hot = RedisKeys(await identity_at(mysql_url)).hot
        async with steady_clients(process.port, kinds=HITS), own_client(redis_url) as redis:
            async with asyncio.timeout(_TOLD_WAIT_MAX_S):
                while not await redis.exists(hot):  # noqa: ASYNC110 - Redis sets no event of ours
                    await asyncio.sleep(0.1)
        before = pids(process)
        warmed = logged(process, "cache warmed")
        killed = min(before)
        os.kill(killed, signal.SIGKILL)
        await until(lambda: killed not in pids(process))
        # What the dead one had accepted is lost; from here on nothing is.
        async with steady_clients(process.port, kinds=HITS) as clients:
            await until(lambda: len(pids(process)) == WORKERS, _REPLACED_WAIT_MAX_S)
            await until(lambda: logged(process, "cache warmed") > warmed, _REPLACED_WAIT_MAX_S)
            await asyncio.sleep(1)  # asked while it serves, too
        assert [] == clients.failures
        assert before - {killed} < pids(process)


async def test_a_worker_that_cannot_start_takes_nothing_down(
    tmp_path: Path, own_mariadb: StartMariaDB, redis_url: str
) -> None:
    """Without a database a crashed worker's place stays empty; the others serve what is cached, and it comes back."""
    database = own_mariadb()
    database.create_database("reloading")
    async with workers(operators(tmp_path, database.url("reloading"), redis_url), tmp_path) as process:
        async with steady_clients(process.port, kinds=HITS):
            await asyncio.sleep(1)
        database.stop()
        killed = min(pids(process))
        os.kill(killed, signal.SIGKILL)
        await until(lambda: killed not in pids(process))
        async with steady_clients(process.port, kinds=HITS) as clients:
            await process.until_logged("waiting for the database")
            await until(lambda: logged(process, "worker did not start") > 0, _REPLACED_WAIT_MAX_S)
            database.start()
            booted = logged(process, "Booting worker")
            await until(lambda: logged(process, "Booting worker") > booted, _REPLACED_WAIT_MAX_S)
            await asyncio.sleep(3)
        assert [] == clients.failures
        assert WORKERS == len(pids(process))
        assert 200 == (await asyncio.to_thread(get, process.port, "/products?sort=rating&limit=9"))[0]
