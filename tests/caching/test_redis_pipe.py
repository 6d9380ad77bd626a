"""One connection for many commands: everybody gets his own answer, or an error soon, and the next one another try."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from farmlokal.app.dependencies import redis_client
from farmlokal.resilience.redis_pipe import RedisPipe
from tests.support.own_servers import StartRedis
from tests.support.waiting import eventually

# Longer than a busy machine makes anybody wait, and what a test takes for a Redis that does not answer.
WAIT_MAX_S, SHORT_WAIT_S = 5.0, 0.2


@asynccontextmanager
async def pipe_to(url: str, wait_max_s: float = WAIT_MAX_S) -> AsyncIterator[tuple[RedisPipe, Redis]]:
    """A pipe, and a connection of the test's own to the same Redis."""
    client = redis_client(url, wait_max_s)
    async with Redis.from_url(url) as own:
        try:
            yield RedisPipe(client.connection_pool, wait_max_s=wait_max_s), own
        finally:
            await client.aclose()


async def echoes(pipe: RedisPipe, count: int) -> None:
    """So many callers at once, each with its own answer."""
    answers = await asyncio.gather(*[pipe.call("ECHO", f"{number}") for number in range(count)])
    assert [b"%d" % number for number in range(count)] == answers


async def connected(pipe: RedisPipe) -> None:
    """Return once the pipe answers, however busy the machine is."""
    async with asyncio.timeout(WAIT_MAX_S):
        while True:
            with contextlib.suppress(TimeoutError, RedisError):
                await pipe.call("PING")
                return


async def test_a_late_answer_goes_to_nobody_else(own_redis: StartRedis) -> None:
    """A caller whose answer is late gets TimeoutError, and not early; what comes then is no other caller's."""
    server = own_redis()
    async with pipe_to(server.url(), SHORT_WAIT_S) as (pipe, _):
        await connected(pipe)
        late = asyncio.create_task(pipe.call("BLPOP", "nothing", f"{SHORT_WAIT_S * 3}"))
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            await late
        assert SHORT_WAIT_S - 0.01 <= time.monotonic() - began
        async with asyncio.timeout(WAIT_MAX_S):
            while True:
                with contextlib.suppress(TimeoutError, RedisError):
                    assert b"mine" == await pipe.call("ECHO", b"mine")
                    break


async def test_everybody_gets_his_own_answer(redis_url: str) -> None:
    """A thousand callers of one turn, large answers among them, over one connection."""
    async with pipe_to(redis_url) as (pipe, own):
        await own.set("large", b"x" * 500_000)
        before = {one["id"] for one in await own.client_list()}
        large = [asyncio.create_task(pipe.call("GET", "large")) for _ in range(5)]
        await echoes(pipe, 1000)
        assert [b"x" * 500_000] * 5 == await asyncio.gather(*large)
        assert 1 == len([one for one in await own.client_list() if one["id"] not in before])


async def test_a_refusal_is_its_callers_alone(redis_url: str) -> None:
    """An error in the middle of a turn's commands is raised where it belongs."""
    async with pipe_to(redis_url) as (pipe, _):
        refused = asyncio.create_task(pipe.call("NO-SUCH-COMMAND"))
        await echoes(pipe, 5)
        with pytest.raises(ResponseError, match="unknown command"):
            await refused
        assert b"binary \x00\xff" == await pipe.call("ECHO", b"binary \x00\xff")


async def test_what_cannot_be_sent_takes_nobodys_answer(redis_url: str) -> None:
    """A command that cannot be encoded fails by itself, before anything is sent."""
    async with pipe_to(redis_url) as (pipe, _):
        await echoes(pipe, 1)
        for impossible in ("\ud800", None):
            with pytest.raises((TypeError, ValueError)):
                await pipe.call("ECHO", impossible)  # type: ignore[arg-type]
        await echoes(pipe, 3)


async def test_a_caller_that_leaves_takes_nobodys_answer(redis_url: str) -> None:
    """Answers keep their order when some of those who asked are cancelled."""
    async with pipe_to(redis_url) as (pipe, _):
        await echoes(pipe, 1)
        leaving = [asyncio.create_task(pipe.call("ECHO", "left")) for _ in range(3)]
        staying = asyncio.create_task(echoes(pipe, 3))
        await asyncio.sleep(0)
        for one in leaving:
            one.cancel()
        await staying
        await echoes(pipe, 3)


async def test_the_first_caller_may_leave_while_it_connects(redis_url: str) -> None:
    """The connection is for all: whoever asked first may be gone before it is made."""
    async with pipe_to(redis_url) as (pipe, _):
        first = asyncio.create_task(pipe.call("ECHO", "first"))
        others = asyncio.create_task(echoes(pipe, 3))
        await asyncio.sleep(0)
        first.cancel()
        await others


async def test_a_lost_connection_is_made_again(redis_url: str) -> None:
    """Who waits when the connection is cut gets an error; the next call works."""
    async with pipe_to(redis_url) as (pipe, own):
        for _ in range(3):
            waiting = [asyncio.create_task(pipe.call("BLPOP", "nothing", 0)) for _ in range(3)]
            # Redis has them: one blocks the connection, the others wait behind it.
            await eventually(own.client_list, lambda found: any("b" in one["flags"] for one in found))
            await own.client_kill_filter(_type="normal", skipme=True)
            ended = await asyncio.gather(*waiting, return_exceptions=True)
            assert all(isinstance(error, RedisError) for error in ended), ended
            await echoes(pipe, 3)


async def test_a_silent_connection_is_given_up(own_redis: StartRedis) -> None:
    """While Redis is frozen no call takes long; thawed, it answers over another connection."""
    server = own_redis()
    async with pipe_to(server.url(), SHORT_WAIT_S) as (pipe, _):
        await connected(pipe)
        server.pause()
        try:
            for _ in range(3):
                with pytest.raises((TimeoutError, RedisError)):
                    async with asyncio.timeout(WAIT_MAX_S):
                        await pipe.call("PING")
        finally:
            server.resume()
        async with asyncio.timeout(20):
            while True:
                try:
                    await echoes(pipe, 3)
                    break
                except (TimeoutError, RedisError):
                    await asyncio.sleep(0.05)


async def test_redis_is_away(own_redis: StartRedis) -> None:
    """A refused connection is an error for every caller, and no trap: back again, it answers."""
    server = own_redis()
    async with pipe_to(server.url()) as (pipe, _):
        await echoes(pipe, 3)
        server.stop()
        for _ in range(2):
            errors = await asyncio.gather(*[pipe.call("PING") for _ in range(3)], return_exceptions=True)
            assert all(isinstance(error, (RedisError, OSError)) for error in errors), errors
        server.start()
        await echoes(pipe, 3)
