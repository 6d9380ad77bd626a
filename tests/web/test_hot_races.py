"""Between the hot path and the handlers: no answer is lost or doubled, no task left, nothing asked or counted twice."""

import asyncio
import gc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from farmlokal.caching.entry import Value
from farmlokal.caching.lookup import Outcome
from farmlokal.errors import Unavailable
from farmlokal.limiting.quotas import DEFAULT
from farmlokal.web import keys, runner
from farmlokal.web.health import Phase
from farmlokal.web.hot_path import HotPath
from tests.caching.cache_harness import until
from tests.service import Service, serving, settings_for
from tests.web.kept_connection import KeptConnection, kept_connection
from tests.web.web_harness import WatchedStore, at_level, catalogue, logged, problem, watch_store

LIMITED = "default=1000000/hour"
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


@contextmanager
def no_loose_ends() -> Iterator[None]:
    """Within the block no exception reaches the event loop, and after it no look-up and no handler is left waiting."""
    loop, reported = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        yield
        gc.collect()
        assert [] == reported
    finally:
        loop.set_exception_handler(None)


def tasks_of(*names: str) -> list[str]:
    """The running tasks that are one of the coroutines with `names`."""
    found = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [name for name in found if name.rpartition(".")[2] in names]


def spent(service: Service) -> float:
    """How many requests the rate limit counted."""
    table = service.app[keys.LIMITER].lanes[DEFAULT].table
    return sum(state.spent for state in table.states.values())


def server_of(service: Service) -> web.Server:
    """What makes its connection handlers."""
    assert service.runner.server is not None
    return service.runner.server


def hot_path_of(service: Service) -> HotPath:
    """Its hot path."""
    hot: HotPath = server_of(service)._hot  # type: ignore[attr-defined]
    return hot


async def held_up(store: WatchedStore, connection: KeptConnection, *sent: bytes) -> asyncio.Event:
    """Send what begins with a page that memory does not hold; what its load waits for."""
    store.gate = asyncio.Event()
    await connection.send(sent)
    await until(lambda: store.questions > 0)
    return store.gate


def asking(target: str) -> bytes:
    """A request for `target`."""
    return f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode()


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


async def test_a_look_up_is_given_up_when_the_process_stops_without_it(service: Service, store: WatchedStore) -> None:
    """A load that outlasts the patience of a shutdown leaves no task behind."""
    with no_loose_ends():
        async with kept_connection(service.port) as connection:
            gate = await held_up(store, connection, asking("/products?limit=7"))
            server_of(service).pre_shutdown()
            await server_of(service).shutdown(0.05)
            await asyncio.sleep(0.01)
            assert [] == tasks_of("_look_up", "start")
            assert await connection.ended()
            gate.set()


async def test_a_client_that_leaves_during_a_look_up_leaves_nothing(service: Service, store: WatchedStore) -> None:
    """The load goes on, for others that ask the same; nobody waits for the client."""
    with no_loose_ends():
        async with kept_connection(service.port) as connection:
            gate = await held_up(store, connection, asking("/products?limit=7"), asking("/products?limit=8")[:20])
            (handler,) = [one for one in server_of(service).connections if one._looking is not None]  # type: ignore[attr-defined]
        await until(lambda: not handler.connected)
        gate.set()
        await until(lambda: not tasks_of("_look_up", "start"))
        async with kept_connection(service.port) as connection:
            assert "hit" in (await connection.ask("/products?limit=7")).headers["Cache-Status"]
        assert 1 == store.questions


@pytest.mark.parametrize(
    ("fault", "status", "name", "errors"),
    [
        (Unavailable("the database is away", retry_after_s=7), 503, "unavailable", 0),
        (KeyError("secret"), 500, "internal-error", 1),
    ],
    ids=["expected", "unexpected"],
)
async def test_a_load_that_fails_is_tried_once(
    service: Service, store: WatchedStore, fault: Exception, status: int, name: str, errors: int
) -> None:
    """The handlers tell what the look-up met: they do not ask, wait and log once more; and it is counted once."""
    store.fault = fault
    with logged() as events, no_loose_ends():
        async with kept_connection(service.port) as connection:
            answer = await connection.ask("/products?limit=7", headers="X-Request-ID: mine\r\n")
            assert "mine" == problem(answer, status, name)["instance"]
            assert (1, 1) == (store.questions, spent(service))
            assert errors == len(at_level(events, "error"))
            store.fault = None
            assert 200 == (await connection.ask("/products?limit=7")).status
    assert 2 == spent(service)


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


async def test_what_fails_below_the_handlers_is_answered_by_them(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in making the answer of a page in memory: one line in the log, a problem, and the connection lives."""
    observer, hot = service.app[keys.OBSERVER], hot_path_of(service)
    async with kept_connection(service.port) as connection:
        for _ in range(2):
            assert 200 == (await connection.ask("/products?limit=7")).status
        before = observer.hot_path_answers

        def fail(*_: Any) -> bytes:
            raise RuntimeError("secret")

        with logged() as events, no_loose_ends(), monkeypatch.context() as faulty:
            faulty.setattr(hot, "_told", fail)
            problem(await connection.ask("/products?limit=7"), 500, "internal-error")
            (line,) = at_level(events, "error")
        assert ("request failed", before) == (line["event"], observer.hot_path_answers)
        assert 200 == (await connection.ask("/products?limit=7")).status
    assert 4 == spent(service)


async def test_a_head_that_cannot_be_read_is_answered_by_the_handlers(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in reading it costs the hot path, not the answer."""

    def fail(_: str) -> None:
        raise RuntimeError("secret")

    async with kept_connection(service.port) as connection:
        with logged() as events, no_loose_ends(), monkeypatch.context() as faulty:
            faulty.setattr(hot_path_of(service), "_pages", type("Faulty", (), {"of": fail}))
            assert 200 == (await connection.ask("/products?limit=7")).status
    assert ["hot path failed to read a head"] == [line["event"] for line in at_level(events, "error")]


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


async def test_a_form_that_there_is_not_is_looked_up_once(service: Service) -> None:
    """A client that refuses every coding gets its 406 from the handlers, and counts as one look-up."""
    async with kept_connection(service.port) as connection:
        await connection.ask("/products?limit=7")
        counts = service.app[keys.CACHE].counts
        before = counts.answers(Outcome.MEMORY_HIT)
        problem(await connection.ask("/products?limit=7", headers="Accept-Encoding: *;q=0\r\n"), 406, "not-acceptable")
        assert before + 1 == counts.answers(Outcome.MEMORY_HIT)


async def test_what_is_prepared_for_a_page_leaves_with_it(service: Service) -> None:
    """Its memory is counted, and is free as soon as the entry is dropped: no circle waits for the collector."""
    memory = service.app[keys.CACHE]._memory
    async with kept_connection(service.port) as connection:
        await connection.ask("/products?limit=7")
        (key,) = [key for key in memory._small if key.startswith("products?")]
        held = memory._small[key]
        before = held.weight
        for coding in ("gzip", "gzip", "br", "identity"):
            await connection.ask("/products?limit=7", headers=f"Accept-Encoding: {coding}\r\n")
        body = held.entry.value.body
        variants = sum(map(len, held.entry.value.variants.values()))
        assert before + variants + 3 * 2048 == held.weight
    del held
    gc.collect()
    gc.disable()
    try:
        memory.drop(key)
        assert [] == [one for one in gc.get_objects() if isinstance(one, Value) and one.body is body]
    finally:
        gc.enable()
