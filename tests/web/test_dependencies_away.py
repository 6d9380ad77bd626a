"""What the service does while Redis or the database is away, slow, or back again."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest
from structlog.typing import EventDict

from farmlokal.app.dependencies import wait_for_database
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.errors import DatabaseUnavailable, SchemaMismatch
from farmlokal.web import keys
from tests.servers import MariaDBServer
from tests.servers.process import free_port
from tests.support.lateness import lateness
from tests.support.log_lines import logged
from tests.support.own_servers import StartMariaDB, StartRedis
from tests.support.products import PRODUCTS, catalogue, product
from tests.support.raw_requests import Answer, ask, problem
from tests.support.readiness import reported
from tests.support.service import Service, open_database, serving, settings_for
from tests.support.waiting import until

# A busy machine may be slow to answer without being away.
PATIENT_MS = 3000

AWAY = "redis is away: answering from memory and the origin"
BACK = "redis is back"


def changes(events: list[EventDict]) -> list[str]:
    """The log lines about Redis, in order."""
    return [event["event"] for event in events if event.get("dependency") == "redis"]


async def ask_many(service: Service, first: int, count: int) -> list[Answer]:
    """The answers to `count` questions asked at once, each of them new."""
    return await asyncio.gather(
        *(ask(service.port, f"/products?max_price={number}") for number in range(first, first + count))
    )


async def until_redis_is_back(service: Service, events: list[EventDict]) -> None:
    """Go on asking until the service has noticed; the breaker tries once a second."""
    async with asyncio.timeout(20):
        while BACK not in changes(events):
            await ask(service.port, f"/products?min_price={time.monotonic_ns() % 10**9}")
            await asyncio.sleep(0.05)


async def until_listening(service: Service) -> None:
    """Wait until the cache hears other processes' notices."""
    await until(lambda: "listening=True" in repr(service.app[keys.CACHE]))


async def test_a_redis_that_is_not_there_is_no_reason_not_to_serve(tmp_path: Path) -> None:
    """With nothing on Redis's port the service starts, answers from memory and the origin, and says so once."""
    url = await catalogue(tmp_path)
    with logged() as events:
        async with serving(
            settings_for(url, redis_url=f"redis://127.0.0.1:{free_port()}/0", redis_wait_ms=PATIENT_MS)
        ) as service:
            answers = [*await ask_many(service, 1, 20), *await ask_many(service, 1, 20)]
            assert [200] * 40 == [answer.status for answer in answers]
            assert all(answer.headers["Cache-Status"].endswith("detail=memory") for answer in answers[20:])
            await reported(service.port, "redis", state="down")
    assert [AWAY] == changes(events)


async def test_redis_may_die_and_come_back_empty(tmp_path: Path, own_redis: StartRedis) -> None:
    """Every request is answered before, during and after; one line is logged per change; then Redis is used again."""
    server = own_redis()
    settings = settings_for(await catalogue(tmp_path), redis_url=server.url(), redis_wait_ms=PATIENT_MS)
    with logged() as events:
        async with serving(settings) as service:
            answers = await ask_many(service, 1, 10)
            server.kill()
            answers += await ask_many(service, 1, 30)
            answers += await ask_many(service, 31, 10)
            await reported(service.port, "redis", state="down")
            server.start()
            await until_redis_is_back(service, events)
            # Before it, notices may be missed, and what is loaded meanwhile is not shared.
            await until_listening(service)
            answers += await ask_many(service, 41, 10)
            await service.app[keys.CACHE].close()
            async with serving(settings) as other:
                (shared,) = await ask_many(other, 45, 1)
    assert {200} == {answer.status for answer in answers}
    assert shared.headers["Cache-Status"].endswith("detail=redis")
    assert [AWAY, BACK] == changes(events)


async def test_a_redis_that_hangs_delays_nobody_for_long(tmp_path: Path, own_redis: StartRedis) -> None:
    """While Redis is frozen a request waits for it as long as the setting says, and soon not at all."""
    server = own_redis()
    with logged() as events:
        async with serving(
            settings_for(await catalogue(tmp_path), redis_url=server.url(), redis_wait_ms=300)
        ) as service:
            await ask_many(service, 1, 5)
            # On a busy machine it may have been too slow for a moment.
            await reported(service.port, "redis", state="up")
            events.clear()
            server.pause()
            waits_s = []
            async with lateness() as late:
                for number in range(10, 20):
                    started = time.perf_counter()
                    (answer,) = await ask_many(service, number, 1)
                    waits_s.append(time.perf_counter() - started)
                    assert 200 == answer.status
            assert max(waits_s) < 1.2 + late.allowed_s, late
            assert sorted(waits_s)[4] < 0.25 + late.allowed_s, (waits_s, late)
            server.resume()
            await until_redis_is_back(service, events)
            assert [AWAY, BACK] == changes(events)


async def filled(server: MariaDBServer) -> str:
    """The URL of a database on `server` that holds the tests' catalogue."""
    server.create_database("farmlokal")
    async with open_database(server.url("farmlokal")) as database:
        await ProductWriter(database).apply([product(number) for number in range(1, PRODUCTS + 1)])
    return server.url("farmlokal")


async def test_the_database_may_be_away_at_the_start_and_later(own_mariadb: StartMariaDB) -> None:
    """The start waits for it. Later on hits are served without it, misses get a 503, and recovery needs nobody."""
    server = own_mariadb()
    url = await filled(server)
    server.kill()
    async with contextlib.AsyncExitStack() as running:
        with logged() as events:
            starting = asyncio.create_task(running.enter_async_context(serving(settings_for(url))))
            await asyncio.sleep(0.7)
            assert not starting.done()
            await asyncio.to_thread(server.start)
            service = await starting
        (waiting,) = [event for event in events if event["event"] == "waiting for the database"]
        assert 30 == waiting["wait_max_s"]
        assert "127.0.0.1" in waiting["reason"]

        hit, miss = "/products?limit=3", "/products?limit=4"
        assert 200 == (await ask(service.port, hit)).status
        await asyncio.to_thread(server.kill)
        assert (await ask(service.port, hit)).headers["Cache-Status"].endswith("detail=memory")
        refusals = [await ask(service.port, target) for target in (miss, "/products/1", "/products?sort=name")]
        for refusal in refusals:
            assert "database" in problem(refusal, 503, "unavailable")["detail"]
            assert int(refusal.headers["Retry-After"]) >= 1
        await reported(service.port, "database", state="down")

        await asyncio.to_thread(server.start)
        assert 200 == (await ask(service.port, miss)).status
        await reported(service.port, "database", state="up")


async def test_a_database_that_hangs_delays_nobody_for_ever(own_mariadb: StartMariaDB) -> None:
    """While the database is frozen a miss gets its 503 in bounded time, a probe ends, and hits are served."""
    server = own_mariadb()
    url = await filled(server)
    async with serving(settings_for(url, statement_limit_ms=500)) as service:
        assert 200 == (await ask(service.port, "/products")).status
        server.pause()
        async with asyncio.timeout(60):
            problem(await ask(service.port, "/products?limit=8"), 503, "unavailable")
            await reported(service.port, "database", state="down")
            assert 200 == (await ask(service.port, "/products")).status
        server.resume()
        assert 200 == (await ask(service.port, "/products?limit=9")).status


async def test_a_start_without_its_database_ends_and_says_what_was_missing() -> None:
    """After the stated time the error names the address that nobody answered at."""
    port = free_port()
    database = database_at(
        parse_address(f"mysql://farmer:secret@127.0.0.1:{port}/farmlokal"), pool_size=1, statement_limit_ms=100
    )
    started = time.monotonic()
    with pytest.raises(DatabaseUnavailable) as caught:
        await wait_for_database(database, wait_max_s=0.6)
    assert 0.6 <= time.monotonic() - started
    said = f"{caught.value} ({caught.value.__cause__})"
    assert "database" in said
    assert "127.0.0.1" in said
    assert "secret" not in said


async def test_a_database_without_our_schema_is_not_waited_for(mysql_url: str, tmp_path: Path) -> None:
    """A missing schema is told at once, with the command that makes it: waiting would not help."""
    empty = tmp_path / "new.db"
    empty.touch()
    for url in (mysql_url, f"sqlite:///{empty}"):
        database = database_at(parse_address(url), pool_size=1, statement_limit_ms=1000)
        try:
            async with asyncio.timeout(5):
                with pytest.raises(SchemaMismatch, match="run `farmlokal init-db`"):
                    await wait_for_database(database)
        finally:
            await database.close()
