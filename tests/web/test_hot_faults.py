"""Where the hot path has no answer: the handlers tell why, nothing is asked or counted twice, nothing stays behind."""

import asyncio
import gc
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from farmlokal.caching.lookup import Outcome
from farmlokal.caching.value import Value
from farmlokal.errors import Unavailable
from farmlokal.web import keys
from farmlokal.web.parameters.questions import AskedPage
from tests.support.kept_connection import ask_kept, kept_connection
from tests.support.log_lines import at_level, logged
from tests.support.products import catalogue
from tests.support.raw_requests import problem
from tests.support.service import Service, serving, settings_for
from tests.web.hot_service import LIMITED, asking, held_up, hot_path_of, no_loose_ends, spent
from tests.web.two_paths import LAST, both, two_paths
from tests.web.watched_store import WatchedStore, watch_store

_LOAD_S = 0.2


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with the hot path and a limit that nobody meets."""
    async with serving(settings_for(await catalogue(tmp_path), rate_limit=LIMITED)) as running:
        yield running


@pytest.fixture
def store(service: Service) -> WatchedStore:
    """Its store, which can be held up and made to fail."""
    return watch_store(service.app)


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


async def test_the_time_of_a_failed_load_is_counted(service: Service, store: WatchedStore) -> None:
    """From the reading of the request on, although the handlers had it for a moment only."""
    async with kept_connection(service.port) as connection:
        gate = await held_up(store, connection, asking("/products?limit=7"))
        await asyncio.sleep(_LOAD_S)
        store.fault = Unavailable("the database is away", retry_after_s=7)
        gate.set()
        problem(await connection.receive(), 503, "unavailable")
    # Of all answers of the route; those of the harness are of another.
    scraped = (await ask_kept(service.port, "/metrics")).body.decode()
    (times,) = re.findall(r'^farmlokal_http_request_seconds_sum\{route="/products"\} (\S+)$', scraped, re.MULTILINE)
    assert float(times) > _LOAD_S


async def test_what_fails_below_the_handlers_is_answered_by_them(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in making the answer of a page in memory: one line in the log, a problem, and the connection lives."""
    counts, hot = service.app[keys.REQUEST_COUNTS], hot_path_of(service)
    async with kept_connection(service.port) as connection:
        for _ in range(2):
            assert 200 == (await connection.ask("/products?limit=7")).status
        before = counts.hot_path_answers

        def fail(*_: Any) -> bytes:
            raise RuntimeError("secret")

        with logged() as events, no_loose_ends(), monkeypatch.context() as faulty:
            faulty.setattr(hot, "_finish", fail)
            problem(await connection.ask("/products?limit=7"), 500, "internal-error")
            (line,) = at_level(events, "error")
        assert ("request failed", before) == (line["event"], counts.hot_path_answers)
        assert 200 == (await connection.ask("/products?limit=7")).status
    assert 4 == spent(service)


async def test_a_head_that_cannot_be_read_is_answered_by_the_handlers(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault in reading it costs the hot path, not the answer."""

    def fail(_: str) -> AskedPage:
        raise RuntimeError("secret")

    async with kept_connection(service.port) as connection:
        with logged() as events, no_loose_ends(), monkeypatch.context() as faulty:
            faulty.setitem(hot_path_of(service)._readers, "/products", fail)
            assert 200 == (await connection.ask("/products?limit=7")).status
    assert ["hot path failed to read a head"] == [line["event"] for line in at_level(events, "error")]


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


async def test_both_paths_say_the_same_of_a_stale_page(tmp_path: Path) -> None:
    """Served while its refresh is held up: whole, coded, unchanged, and its head alone."""
    target = "/products?limit=40"
    lines = ["", "Accept-Encoding: gzip\r\n", "If-None-Match: *\r\n", "Accept-Encoding: br\r\nIf-None-Match: *\r\n"]
    sent = [f"GET {target} HTTP/1.1\r\nHost: test\r\n{line}\r\n".encode() for line in lines]
    sent.append(f"HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
    async with two_paths(tmp_path) as paths:
        gates = []
        for service in paths:
            await ask_kept(service.port, target)
            entry = service.app[keys.CACHE]._memory.peek("products?limit=40")
            assert entry is not None
            entry.fresh_until = entry.loaded_at
            store = watch_store(service.app)
            store.gate = asyncio.Event()
            gates.append(store.gate)
        said = await both(paths, [*sent, LAST])
        for gate in gates:
            gate.set()
    hot, full = said
    assert full == hot
    assert (5, 2) == (hot.count(b"farmlokal; hit; ttl=-*"), hot.count(b"HTTP/1.1 304"))
