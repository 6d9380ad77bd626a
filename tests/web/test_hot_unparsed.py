"""A head that is known and asks for a page that Redis has: it is not parsed, unless somebody comes to need it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from farmlokal.caching.redis.tier import RedisTier
from farmlokal.web import keys
from farmlokal.web.hot.look_up import LookUpConnection
from farmlokal.web.hot.states import Event
from tests.support.kept_connection import KeptConnection, kept_connection
from tests.support.service import Service
from tests.web.first_requests import serving_from_redis
from tests.web.hot_service import asking, connections_of, no_loose_ends

KNOWN, OTHER = "/products?limit=7", "/products?limit=8"


@pytest.fixture
async def service(tmp_path: Path, redis_url: str) -> AsyncIterator[Service]:
    """A service with every page in Redis alone."""
    async with serving_from_redis(tmp_path, redis_url) as running:
        yield running


async def known(service: Service, connection: KeptConnection) -> LookUpConnection:
    """Let the head of KNOWN be known, and memory have nothing; the service's end of the connection."""
    for target in (KNOWN, OTHER):
        assert 200 == (await connection.ask(target)).status
    service.app[keys.CACHE]._memory.clear()
    (handler,) = connections_of(service)
    return handler


def while_looking(monkeypatch: pytest.MonkeyPatch, then: Callable[[LookUpConnection], object]) -> None:
    """Call `then` once, when the next look-up has begun."""
    after, waiting = LookUpConnection.after, [then]

    def enter(handler: LookUpConnection, event: Event) -> None:
        after(handler, event)
        if event is Event.LOOKED_UP and waiting:
            waiting.pop()(handler)

    monkeypatch.setattr(LookUpConnection, "after", enter)


async def test_the_parser_does_not_see_it(service: Service) -> None:
    """The answer is Redis's, and the next request of another kind is answered by the handlers."""
    async with kept_connection(service.port) as connection:
        handler = await known(service, connection)
        parsed = handler.messages_parsed
        answer = await connection.ask(KNOWN)
        assert "detail=redis" in answer.headers["Cache-Status"]
        assert parsed == handler.messages_parsed
        assert 200 == (await connection.ask("/livez")).status
        assert parsed + 1 == handler.messages_parsed


async def test_what_comes_behind_it_is_answered_behind_it(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head is parsed before bytes that arrive during the look-up; both are answered, in their order."""
    async with kept_connection(service.port) as connection:
        await known(service, connection)
        while_looking(monkeypatch, lambda handler: handler.data_received(asking("/livez") + asking(OTHER)))
        pages = [await connection.exchange([asking(KNOWN)]), await connection.receive(), await connection.receive()]
        assert [200] * 3 == [page.status for page in pages]
        assert [7, 0, 8] == [page.body.count(b'"category"') for page in pages]


async def test_a_page_that_redis_lost_is_loaded(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Redis has nothing the message is parsed after all, and the origin answers."""
    async with kept_connection(service.port) as connection:
        handler = await known(service, connection)
        parsed = handler.messages_parsed

        async def nothing(names: list[str]) -> list[None]:
            return [None] * len(names)

        second = service.app[keys.CACHE]._second
        assert isinstance(second, RedisTier)
        monkeypatch.setattr(second._reads, "_fetch", nothing)
        answer = await connection.ask(KNOWN)
        assert (200, parsed + 1) == (answer.status, handler.messages_parsed)
        assert 7 == answer.body.count(b'"category"')


@pytest.mark.parametrize("end", [LookUpConnection.close, lambda handler: asyncio.ensure_future(handler.shutdown(5))])
async def test_an_end_meanwhile_leaves_no_request_without_an_answer(
    service: Service, monkeypatch: pytest.MonkeyPatch, end: Callable[[LookUpConnection], object]
) -> None:
    """A connection that is closed or shut down while Redis is asked gives the answer first."""
    with no_loose_ends():
        async with kept_connection(service.port) as connection:
            await known(service, connection)
            while_looking(monkeypatch, end)
            answer = await connection.exchange([asking(KNOWN)])
            assert (200, 7) == (answer.status, answer.body.count(b'"category"'))
