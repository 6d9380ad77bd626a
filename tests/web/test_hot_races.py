"""Between the hot path and the handlers: no answer is lost or doubled, no task left, nothing asked or counted twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from farmlokal.caching.lookup import Outcome
from farmlokal.errors import Unavailable
from farmlokal.web import keys, runner
from farmlokal.web.edge.lifecycle import Phase
from farmlokal.web.hot.look_up import LookUpConnection
from farmlokal.web.hot.states import Event, State
from tests.support.kept_connection import KeptConnection, kept_connection
from tests.support.products import catalogue
from tests.support.raw_requests import problem
from tests.support.service import Service, serving, settings_for
from tests.support.waiting import until
from tests.web.first_requests import serving_from_redis
from tests.web.hot_service import LIMITED, asking, connections_of, held_up, no_loose_ends, server_of, spent, tasks_of
from tests.web.watched_store import WatchedStore, watch_store

_IDLE_S = 0.3


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with the hot path and a limit that nobody meets."""
    async with serving(settings_for(await catalogue(tmp_path), rate_limit=LIMITED)) as running:
        yield running


@pytest.fixture
def store(service: Service) -> WatchedStore:
    """Its store, which can be held up and made to fail."""
    return watch_store(service.app)


@pytest.mark.parametrize("phase", [Phase.DRAINING, Phase.READY])
async def test_a_look_up_under_way_is_answered_when_the_process_stops(
    service: Service, store: WatchedStore, phase: Phase
) -> None:
    """It began while the process served, and ends when it no longer does: its answer is the connection's last."""
    with no_loose_ends():
        async with kept_connection(service.port) as connection:
            gate = await held_up(store, connection, asking("/products?limit=7"))
            service.app[keys.HEALTH].phase = phase
            server_of(service).pre_shutdown()
            stopping = asyncio.create_task(server_of(service).shutdown(5))
            await asyncio.sleep(0.05)
            gate.set()
            answer = await connection.receive()
            assert (200, phase is Phase.DRAINING) == (answer.status, "close" == answer.headers.get("Connection"))
            assert await connection.ended()
            await stopping
        assert [] == tasks_of("_look_up", "start")


async def test_a_process_that_drains_while_redis_is_asked(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handlers answer, as the connection's last, from what Redis brought: nobody looks further for it."""
    async with serving_from_redis(tmp_path, redis_url) as service:
        cache = service.app[keys.CACHE]
        after = LookUpConnection.after

        def enter_and_drain(handler: LookUpConnection, event: Event) -> None:
            after(handler, event)
            if event is Event.LOOKED_UP:
                service.app[keys.HEALTH].phase = Phase.DRAINING

        monkeypatch.setattr(LookUpConnection, "after", enter_and_drain)
        async with kept_connection(service.port) as connection:
            answer = await connection.ask("/products?limit=7")
            assert (200, "close") == (answer.status, answer.headers["Connection"])
            assert "detail=memory" in answer.headers["Cache-Status"]
            assert await connection.ended()
        assert [1, 1] == [cache.counts.answers(outcome) for outcome in (Outcome.REDIS_HIT, Outcome.MEMORY_HIT)]


async def test_a_look_up_is_given_up_when_the_process_stops_without_it(service: Service, store: WatchedStore) -> None:
    """A load that outlasts the patience of a shutdown leaves no task behind."""
    with no_loose_ends():
        async with kept_connection(service.port) as connection:
            gate = await held_up(store, connection, asking("/products?limit=7"))
            server_of(service).pre_shutdown()
            await server_of(service).shutdown(0.05)
            await until(lambda: not tasks_of("_look_up", "start"))
            assert await connection.ended()
            gate.set()


@pytest.mark.parametrize("cut", [True, False])
async def test_a_client_that_leaves_during_a_look_up_leaves_nothing(
    service: Service, store: WatchedStore, *, cut: bool
) -> None:
    """The load goes on, for others that ask the same. Who only says no more may be waiting, and is answered."""
    with no_loose_ends():
        async with kept_connection(service.port) as connection:
            gate = await held_up(store, connection, asking("/products?limit=7"), asking("/products?limit=8")[:20])
            (handler,) = [one for one in connections_of(service) if one.state is State.LOOKING]
            if cut:
                connection.cut()
        await until(lambda: handler.state is State.GONE if cut else handler.half_closed)
        gate.set()
        await until(lambda: handler.state is State.GONE)
        await until(lambda: not tasks_of("_look_up", "start"))
        async with kept_connection(service.port) as connection:
            assert "hit" in (await connection.ask("/products?limit=7")).headers["Cache-Status"]
        assert 1 == store.questions


async def test_each_failure_is_told_to_its_own_request(service: Service, store: WatchedStore) -> None:
    """What is pipelined behind a look-up that fails is answered for itself, and each request is counted once."""
    behind = asking("/products?limit=0") + asking("/products/1") + asking("/products?limit=9")
    async with kept_connection(service.port) as connection:
        await connection.ask("/products?limit=9")
        store.questions = 0
        gate = await held_up(store, connection, asking("/products?limit=7"))
        await connection.send([behind])
        await asyncio.sleep(0.05)
        store.fault = Unavailable("the database is away", retry_after_s=7)
        gate.set()
        problem(await connection.receive(), 503, "unavailable")
        statuses = [(await connection.receive()).status for _ in range(3)]
        assert [400, 200, 200] == statuses
    assert 5 == spent(service)


async def test_many_requests_behind_a_look_up_are_all_answered(service: Service, store: WatchedStore) -> None:
    """More than the parser takes at once: it stops, the transport too, and both go on; in order, each once."""
    limits = [1 + number % 60 for number in range(100)]
    async with kept_connection(service.port) as connection:
        gate = await held_up(store, connection, asking("/products?limit=61"))
        sending = asyncio.create_task(connection.send([asking(f"/products?limit={limit}") for limit in limits]))
        await asyncio.sleep(0.1)
        gate.set()
        answered = [(await connection.receive()).json()["page"]["limit"] for _ in range(101)]
        assert [61, *limits] == answered
        await sending
        assert 200 == (await connection.ask("/products?limit=61")).status


async def test_a_connection_whose_time_ran_out_during_a_look_up_is_closed_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The idle timer finds a request under way, and starts anew after its answer."""
    monkeypatch.setattr(runner, "IDLE_MAX_S", _IDLE_S)
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        store = watch_store(service.app)
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
        connection = KeptConnection(reader, writer)
        try:
            gate = await held_up(store, connection, asking("/products?limit=7"))
            await asyncio.sleep(_IDLE_S * 2)
            gate.set()
            assert 200 == (await connection.receive()).status
            assert await connection.ended()
        finally:
            writer.close()


async def test_a_load_that_is_cancelled_ends_the_connection(service: Service, store: WatchedStore) -> None:
    """As a handler's would be: the client is told, and nobody waits for what does not come."""
    with no_loose_ends():
        async with kept_connection(service.port) as connection:
            gate = await held_up(store, connection, asking("/products?limit=7"))
            await service.app[keys.CACHE]._flights.drain(0)
            assert await connection.ended()
            gate.set()
        assert [] == tasks_of("_look_up", "start")
