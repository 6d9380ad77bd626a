"""`farmlokal sync` in processes of its own against the simulator in another: faults, kills, and two at once."""

import asyncio
import json
import random
import signal
from pathlib import Path
from typing import Any

import pytest

from farmlokal.database.interface import Database
from tests.partner.feed_server import PAGE_SIZE
from tests.partner.synced_rows import assert_equals_seed, peak_bytes, wait_for_rows
from tests.support.backends import on_every_backend
from tests.support.command import DONE_WAIT_MAX_S, farmlokal, running
from tests.support.partner_process import FAULTS, PartnerProcess, partner_process
from tests.support.raw_requests import ask
from tests.support.service import open_database, serving, settings_for
from tests.support.waiting import eventually

FEW_PRODUCTS = 5000
PRODUCTS = 20_000
PROOF_PRODUCTS = 200_000
MIB = 2**20
# Between a tenth of the walk and its end: what the process keeps (farms that it has met, at most about 50 MiB of them).
GROWTH_MAX = 64 * MIB


def changed(partner: PartnerProcess) -> dict[str, dict[str, Any] | None]:
    """Change some of the partner's products and delete one; their rows since then."""
    rows: dict[str, dict[str, Any] | None] = {
        name: partner.control("products", {"external_id": name, "price": "31.00", "category": "fruits"})
        for name in ("3", "1999", "20000")
    }
    partner.control("products", {"external_id": "77", "deleted": True})
    return rows | {"77": None}


def held_back(pages: int) -> list[dict[str, Any]]:
    """Faults: so many pages come, and the next one never does. Who is late to end a sync meets it running."""
    return [{"kind": "latency", "times": pages}, {"kind": "hang"}]


def summary(output: str) -> dict[str, Any]:
    """The summary that the command prints."""
    told: dict[str, Any] = json.loads(output)
    return told


async def sync_under_faults(database: Database, partner: PartnerProcess, tmp_path: Path, url: str, size: int) -> None:
    """A sync under faults, then another one of what changed meanwhile; the catalogue equals the feed after both."""
    environment = partner.environment(tmp_path, url)
    partner.fail(FAULTS)
    with running(environment, tmp_path, "sync", "--full") as process:
        peaks = []
        # The last may come too late, where the process is quicker than this one.
        for count in (size // 10, size // 2, size * 9 // 10, size - 500):
            await wait_for_rows(database, count, process)
            peaks.append(peak_bytes(process))
        early, late = peaks[0], max(peaks)
        output, errors = process.communicate(timeout=600)
    assert 0 == process.returncode, errors
    told = summary(output)
    assert ("done", size, size, 0) == (told["state"], told["fetched"], told["created"], told["rejected"])
    print(f"{size} products: {size / told['duration_s']:,.0f} a second; {early // MIB} MiB, then {late // MIB} MiB")  # noqa: T201
    assert late - early < GROWTH_MAX
    assert sum(partner.control("stats")["faults"].values()) >= size / 500 / 40
    await assert_equals_seed(database, size, {})
    rows = changed(partner)
    partner.fail(FAULTS, seed=2)
    again = farmlokal(environment, tmp_path, "sync")
    assert 0 == again.returncode, again.stderr
    assert (4, 3, 1) == tuple(summary(again.stdout)[name] for name in ("fetched", "updated", "deleted"))
    await assert_equals_seed(database, size, rows)


@pytest.mark.proof
@on_every_backend
async def test_catalogue_equals_a_feed_with_faults(backend_url: str, tmp_path: Path) -> None:
    """With 5 % of the pages failing in one way or another every field of every product arrives, in flat memory."""
    with partner_process(tmp_path, PRODUCTS) as partner:
        async with open_database(backend_url) as database:
            await sync_under_faults(database, partner, tmp_path, backend_url, PRODUCTS)


@pytest.mark.proof
@pytest.mark.timeout(600)
async def test_large_catalogue_equals_a_feed_with_faults(mysql_url: str, tmp_path: Path) -> None:
    """The same with 200,000 products."""
    with partner_process(tmp_path, PROOF_PRODUCTS) as partner:
        async with open_database(mysql_url) as database:
            await sync_under_faults(database, partner, tmp_path, mysql_url, PROOF_PRODUCTS)


async def kill_again_and_again(url: str, tmp_path: Path, size: int, kills: int, *, wait: bool) -> None:
    """SIGKILL `kills` times somewhere on the way, then let it finish. wait: for the dead one's lease, each time."""
    draw = random.Random(size)
    with partner_process(tmp_path, size) as partner:
        environment = partner.environment(tmp_path, url)
        async with open_database(url) as database:
            fetched = 0
            for number in range(kills):
                last_page = size // PAGE_SIZE * (number + 1) // (kills + 1) + 1
                partner.fail([*FAULTS, *held_back(last_page - fetched // PAGE_SIZE)], seed=number)
                with running(environment, tmp_path, "sync", "--full") as process:
                    share = (number + draw.random()) / (kills + 1)
                    await wait_for_rows(database, max(fetched, int(size * share)) + 1, process)
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                assert -signal.SIGKILL == process.returncode
                ((fetched, state),) = await database.fetch("SELECT fetched, state FROM sync_runs")
                assert "running" == state
                if not wait:
                    await database.run_script(["UPDATE sync_runs SET lease_until = 0"])
            partner.fail(FAULTS, seed=kills)
            last = farmlokal(environment, tmp_path, "sync")
            assert 0 == last.returncode, last.stderr
            told = summary(last.stdout)
            assert (True, size, size) == (told["full"], told["fetched"], told["created"])
            assert size // 500 == told["pages"]
            await assert_equals_seed(database, size, {})


async def test_killed_sync_goes_on(mysql_url: str, tmp_path: Path) -> None:
    """Killed at random points and run again, a sync ends with the feed's catalogue and exact counts."""
    await kill_again_and_again(mysql_url, tmp_path, FEW_PRODUCTS, kills=2, wait=False)


@pytest.mark.proof
async def test_killed_sync_is_waited_for(mysql_url: str, tmp_path: Path) -> None:
    """The next command waits until the killed one's lease is over, and goes on with its run."""
    await kill_again_and_again(mysql_url, tmp_path, PRODUCTS, kills=1, wait=True)


@pytest.mark.proof
@pytest.mark.timeout(900)
async def test_large_killed_sync_goes_on(mysql_url: str, tmp_path: Path) -> None:
    """The same with 200,000 products and twelve kills."""
    await kill_again_and_again(mysql_url, tmp_path, PROOF_PRODUCTS, kills=12, wait=False)


@pytest.mark.proof
async def test_two_commands_share_one_run(mysql_url: str, tmp_path: Path) -> None:
    """Two processes that are started together report one and the same run, and the feed is walked once."""
    with partner_process(tmp_path, PRODUCTS) as partner:
        environment = partner.environment(tmp_path, mysql_url)
        # So that the first has not done it all before the second has begun.
        partner.fail([{"kind": "latency", "latency_s": 0.25}])
        async with open_database(mysql_url) as database:
            with running(environment, tmp_path, "sync") as first, running(environment, tmp_path, "sync") as second:
                outputs = [process.communicate(timeout=DONE_WAIT_MAX_S) for process in (first, second)]
            told = [summary(output) for output, _ in outputs]
            assert (0, 0) == (first.returncode, second.returncode), outputs
            assert told[0] == told[1]
            assert [(1,)] == await database.fetch("SELECT COUNT(*) FROM sync_runs")
        assert PRODUCTS // 500 == partner.control("stats")["requests"]["GET /products"]


@pytest.mark.proof
async def test_terminated_sync_keeps_its_place(mysql_url: str, tmp_path: Path) -> None:
    """SIGTERM ends the command after the batch under way with exit code 1, and the next one goes on at once."""
    with partner_process(tmp_path, PRODUCTS) as partner:
        environment = partner.environment(tmp_path, mysql_url)
        partner.fail(held_back(PRODUCTS // PAGE_SIZE - 1))
        async with open_database(mysql_url) as database:
            with running(environment, tmp_path, "sync") as process:
                await wait_for_rows(database, 3000, process)
                process.terminate()
                output, errors = process.communicate(timeout=DONE_WAIT_MAX_S)
            assert 1 == process.returncode, errors
            told = summary(output)
            assert "interrupted" == told["state"]
            partner.fail([])
            last = summary(farmlokal(environment, tmp_path, "sync").stdout)
            assert (told["run"], PRODUCTS, PRODUCTS) == (last["run"], last["fetched"], last["created"])
            await assert_equals_seed(database, PRODUCTS, {})


async def test_command_tells_the_services(mysql_url: str, redis_url: str, tmp_path: Path) -> None:
    """What a service had cached before the command ran is not served as fresh afterwards."""
    shared = {"redis_url": redis_url, "redis_wait_ms": 3000}
    with partner_process(tmp_path, 100) as partner:
        environment = partner.environment(tmp_path, mysql_url) | {"FARMLOKAL_REDIS_URL": redis_url}
        async with (
            open_database(mysql_url),
            serving(settings_for(mysql_url, cache_ttl_s=3600, stale_s=0, **shared)) as service,
        ):
            assert [] == (await ask(service.port, "/products")).json()["data"]
            done = await asyncio.to_thread(farmlokal, environment, tmp_path, "sync")
            assert 0 == done.returncode, done.stderr

            async def listed() -> int:
                return len((await ask(service.port, "/products")).json()["data"])

            assert 20 == await eventually(listed, bool)


def test_missing_setting_is_named(tmp_path: Path) -> None:
    """Without a partner's settings the command says which variable is not set, and ends with exit code 2."""
    with partner_process(tmp_path, 1) as partner:
        environment = partner.environment(tmp_path, f"sqlite:///{tmp_path}/x.db")
    assert 0 == farmlokal(environment, tmp_path, "init-db").returncode
    for name in ("FARMLOKAL_PARTNER_URL", "FARMLOKAL_OAUTH_CLIENT_ID"):
        done = farmlokal({key: value for key, value in environment.items() if key != name}, tmp_path, "sync")
        assert (2, f"farmlokal: {name} is not set") == (done.returncode, done.stderr.splitlines()[-1])
