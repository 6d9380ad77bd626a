"""First requests that come together with their connections: below the handlers, and in order whatever happens."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop

from farmlokal.errors import Unavailable
from farmlokal.web import keys, runner
from farmlokal.web.hot.look_up import LookUpConnection
from farmlokal.web.hot.request import HotRequest
from tests.support.kept_connection import KeptConnection, kept_connection
from tests.support.raw_requests import problem
from tests.support.service import Service
from tests.web.first_requests import (
    HELD,
    LATE,
    PAGES,
    answers_counted,
    connections_that_ask,
    make_tasks_late,
    read_at_once,
    serving_from_redis,
)
from tests.web.hot_service import asking, no_loose_ends
from tests.web.watched_store import watch_store


@pytest.fixture
async def service(tmp_path: Path, redis_url: str) -> AsyncIterator[Service]:
    """A service with every page in Redis alone."""
    async with serving_from_redis(tmp_path, redis_url) as running:
        yield running


def answered_below(service: Service) -> int:
    """How many answers the handlers did not see."""
    return service.app[keys.REQUEST_COUNTS].hot_path_answers


async def ask_everything(service: Service) -> list[int]:
    """Ask for each page on a connection of its own, three times; how many were answered below the handlers by then."""
    below = []
    async with connections_that_ask(service.port, [asking(target) for target in PAGES]) as connections:
        for turn in range(3):
            if turn:
                for connection, target in zip(connections, PAGES, strict=True):
                    await connection.send([asking(target)])
            answers = await asyncio.gather(*(connection.receive() for connection in connections))
            assert [200] * len(PAGES) == [answer.status for answer in answers]
            assert list(range(1, 61)) == [answer.json()["page"]["limit"] for answer in answers]
            below.append(answered_below(service))
    return below


@pytest.mark.parametrize("turns", LATE)
async def test_every_page_is_answered_whoever_is_late(
    service: Service, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    """Sixty pages on sixty connections: below the handlers, unless the task is later than anybody waits for it."""
    make_tasks_late(monkeypatch, turns)
    first, *later = await ask_everything(service)
    assert (len(PAGES) if turns <= HELD else 0) == first
    assert [first + len(PAGES), first + 2 * len(PAGES)] == later
    assert 3 * len(PAGES) == await answers_counted(service)


async def test_unless_messages_are_held_back_the_handlers_get_them(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without that, a late task takes the message as soon as it runs, and every connection begins with the handlers."""
    make_tasks_late(monkeypatch, HELD)
    go_on = LookUpConnection.go_on

    def unguarded(handler: LookUpConnection, request: HotRequest) -> None:
        if handler.waiter is None:
            handler.hand_over(request, None)
        else:
            go_on(handler, request)

    monkeypatch.setattr(LookUpConnection, "go_on", unguarded)
    assert 0 == (await ask_everything(service))[0]


def test_on_uvloop_too(tmp_path: Path, redis_url: str) -> None:
    """It reads as soon as it has accepted: there the first request always comes before the task."""

    async def ask() -> list[int]:
        async with serving_from_redis(tmp_path, redis_url) as service:
            return await ask_everything(service)

    assert [len(PAGES), 2 * len(PAGES), 3 * len(PAGES)] == uvloop.run(ask())


@pytest.mark.parametrize("turns", LATE)
@pytest.mark.parametrize(
    "behind",
    [
        ["/products?limit=8"],
        ["/products?limit=0", "/products/1", "/products?limit=8", "/products?limit=7"],
        [f"/products?limit={1 + number % 60}" for number in range(40)],
    ],
    ids=["one", "several", "many"],
)
async def test_what_comes_behind_a_held_request_is_answered_behind_it(
    service: Service, monkeypatch: pytest.MonkeyPatch, turns: int, behind: list[str]
) -> None:
    """Pieces that are read while it is held, each of them whole or not: every answer in its place."""
    make_tasks_late(monkeypatch, turns)
    sent = b"".join(map(asking, behind))
    read_at_once(monkeypatch, asking("/products?limit=7"), sent[:30], sent[30:])
    with no_loose_ends():
        async with connections_that_ask(service.port, [b""]) as (connection,):
            answers = [await connection.receive() for _ in range(1 + len(behind))]
            assert 200 == (await connection.ask("/products?limit=9")).status
    told = [answer.json().get("page", {}).get("limit", answer.status) for answer in answers]
    special = {"/products?limit=0": 400, "/products/1": 200}
    assert [7, *(special.get(target) or int(target.partition("=")[2]) for target in behind)] == told
    assert 2 + len(behind) == await answers_counted(service)


async def test_a_load_that_fails_behind_redis_is_tried_once(service: Service) -> None:
    """Redis has nothing, and the database is away: the handlers tell it, and ask neither of them again."""
    store = watch_store(service.app)
    store.fault = Unavailable("the database is away", retry_after_s=7)
    with no_loose_ends():
        async with kept_connection(service.port) as connection:
            problem(await connection.ask("/products?limit=61"), 503, "unavailable")
            assert (1, 1) == (store.questions, await answers_counted(service))
            store.fault = None
            assert 200 == (await connection.ask("/products?limit=61")).status


async def test_a_connection_that_only_redis_answered_is_closed_when_idle(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The idle time counts from its last answer, though no handler ever saw the connection."""
    monkeypatch.setattr(runner, "IDLE_MAX_S", 0.3)
    make_tasks_late(monkeypatch, HELD)
    async with serving_from_redis(tmp_path, redis_url) as service:
        async with connections_that_ask(service.port, [asking("/products?limit=7")]) as (connection,):
            assert 200 == (await connection.receive()).status
            assert await connection.ended()
        assert 1 == answered_below(service)
    assert isinstance(connection, KeptConnection)
