"""A Redis that another one replaces: nobody stays with the old one, and nothing that it alone knew is lost unnoticed.

The servers are real. The name that leads to the primary is a proxy's address, which leads to the other server from the
failover on; connections that are open stay where they are.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from farmlokal.caching.invalidation import InvalidationSender
from farmlokal.caching.lookup import Outcome
from farmlokal.errors import Unavailable
from tests.caching.opened_tier import TAGS, entry, opened
from tests.servers import RedisServer
from tests.servers.process import free_port
from tests.support.cache import Origin, Process, asked, is_listening, own_client, process
from tests.support.lateness import within
from tests.support.own_servers import StartRedis
from tests.support.tcp_proxy import TCPProxy, tcp_proxy
from tests.support.waiting import eventually, until

# What a demotion takes to be noticed by whoever only reads: the check of each second, and the way to the other server.
NOTICED_S = 3.0


def url_of(proxy: TCPProxy) -> str:
    """The URL of Redis behind the proxy."""
    return f"redis://127.0.0.1:{proxy.port}/0"


async def make_replica(of: RedisServer, server: RedisServer) -> None:
    """Let `server` follow `of`, and return when it has everything."""
    async with own_client(server.url()) as redis:
        await redis.replicaof("127.0.0.1", str(of.port))
        async with asyncio.timeout(20):
            while "up" != (await redis.info("replication")).get("master_link_status"):  # noqa: ASYNC110 - a server's
                await asyncio.sleep(0.05)


async def promote(server: RedisServer, of: RedisServer) -> None:
    """Make a primary of the replica of `of`, once it has everything that was written there until now."""
    async with own_client(of.url()) as primary, own_client(server.url()) as redis:
        written = (await primary.info("replication"))["master_repl_offset"]
        await eventually(lambda: redis.info("replication"), lambda found: found["slave_repl_offset"] >= written)
        await redis.replicaof("NO", "ONE")


async def isolate(server: RedisServer) -> None:
    """Make a replica of `server` that follows nobody, so that it hears nothing of what is written elsewhere."""
    async with own_client(server.url()) as redis:
        await redis.replicaof("127.0.0.1", str(free_port()))


async def clients_of(redis: Redis) -> int:
    """How many connections there are beside the asker's own."""
    return len([one for one in await redis.client_list() if "replica" != one.get("flags")]) - 1


@asynccontextmanager
async def pair(own_redis: StartRedis) -> AsyncIterator[tuple[RedisServer, RedisServer, TCPProxy]]:
    """A primary, its replica, and the proxy that leads to the primary."""
    first, second = own_redis(), own_redis()
    await make_replica(first, second)
    async with tcp_proxy(first.port) as proxy:
        yield first, second, proxy


async def page(one: Process, origin: Origin) -> tuple[bytes, bool]:
    """What the next caller gets, and whether it is called fresh."""
    lookup = await asked(one.cache, "key", origin, tags=TAGS)
    return lookup.value.body, lookup.fresh


async def until_page(one: Process, origin: Origin, body: bytes, *, fresh: bool) -> None:
    """Ask until the answer is this one."""
    async with within(NOTICED_S):
        while (body, fresh) != await page(one, origin):  # noqa: ASYNC110 - a refresh runs behind
            await asyncio.sleep(0.01)


async def test_nobody_stays_with_a_demoted_redis(own_redis: StartRedis) -> None:
    """After a failover both processes use the new primary: a page changed at one is soon not fresh at the other.

    The other only reads, from its memory, and the old primary answers it as if nothing had happened.
    """
    async with pair(own_redis) as (first, second, proxy):
        url = url_of(proxy)
        async with process(url) as writer, process(url) as reader:
            origin = Origin("old")
            assert (b"old", True) == await page(writer, origin)
            await writer.cache.settle()
            assert (b"old", True) == await page(reader, origin)
            await promote(second, first)
            await isolate(first)
            proxy.redirect(("127.0.0.1", second.port))
            origin.written = "new"
            await writer.cache.invalidate(TAGS)
            assert await writer.cache.settle()
            async with within(NOTICED_S):
                while (b"old", True) == await page(reader, origin):  # noqa: ASYNC110 - that is what is measured
                    await asyncio.sleep(0.01)
            await until_page(reader, origin, b"new", fresh=True)
            await until(lambda: is_listening(writer.cache) and is_listening(reader.cache))
            async with own_client(first.url()) as redis:
                await eventually(lambda: clients_of(redis), lambda others: others == 0)


async def test_an_invalidation_that_was_lost_with_the_primary(own_redis: StartRedis) -> None:
    """A new primary that lacks the last invalidation has the old page and its old generation: it is not called fresh.

    Not by who heard of the invalidation, not by who did not, and not by who starts afterwards.
    """
    async with pair(own_redis) as (first, second, proxy):
        url = url_of(proxy)
        async with process(url) as writer, process(url, memory_bytes=1024) as reader:
            origin = Origin("old")
            await page(writer, origin)
            await writer.cache.settle()
            assert (b"old", True) == await page(reader, origin)
            await promote(second, first)  # from here on it misses what is written to the first
            origin.written = "new"
            await writer.cache.invalidate(TAGS)
            assert await writer.cache.settle()
            first.kill()
            proxy.redirect(("127.0.0.1", second.port))
            origin.gate = asyncio.Event()
            async with process(url, listening=False) as later:
                for one in (reader, later):
                    await until_redis_answers(one)
                    assert (b"old", False) == await page(one, origin)
                origin.gate.set()
                for one in (later, reader, writer):
                    await until_page(one, origin, b"new", fresh=True)


@pytest.mark.parametrize("remembered", [False, True])
async def test_an_invalidation_at_the_old_one_of_two_primaries(
    own_redis: StartRedis, monkeypatch: pytest.MonkeyPatch, *, remembered: bool
) -> None:
    """What a process invalidated at the old primary, which others had left by then, it tells them at the new one.

    Without being remembered the invalidation is lost: the others go on calling the old page fresh.
    """
    if not remembered:
        monkeypatch.setattr(InvalidationSender, "send_again", lambda _: None)
    first, second = own_redis(), own_redis()
    async with (
        tcp_proxy(first.port) as one,
        tcp_proxy(second.port) as other,
        process(url_of(one)) as writer,
        process(url_of(other)) as reader,
    ):
        origin = Origin("old")
        assert (b"old", True) == await page(reader, origin)
        origin.written = "new"
        await writer.cache.invalidate(TAGS)
        assert await writer.cache.settle()  # the old primary has it
        assert (b"old", True) == await page(reader, origin)
        one.redirect(("127.0.0.1", second.port))
        one.cut()
        await until(lambda: 1 == writer.tier.primary.changes)
        await until(lambda: is_listening(writer.cache))
        assert await writer.cache.settle()
        if remembered:
            await until_page(reader, origin, b"new", fresh=True)
        else:
            assert (b"old", True) == await page(reader, origin)


async def until_redis_answers(one: Process) -> None:
    """Wait until the breaker of this process lets calls pass again, and they find Redis."""
    async with asyncio.timeout(10):
        while await one.tier.read("nothing", TAGS) is None:  # noqa: ASYNC110 - the breaker goes by the clock
            await asyncio.sleep(0.05)


async def test_a_restart_from_a_file_is_another_server(own_redis: StartRedis) -> None:
    """A server that comes back with an older file has old generations: they are made anew by the next load."""
    server = own_redis()
    origin = Origin("old")
    async with process(server.url()) as writer:
        await page(writer, origin)
        await writer.cache.settle()
        async with own_client(server.url()) as redis:
            await redis.save()
        origin.written = "new"
        await writer.cache.invalidate(TAGS)
        assert await writer.cache.settle()
    server.kill()
    server.start()
    async with process(server.url()) as later:
        origin.gate = asyncio.Event()
        assert (b"old", False) == await page(later, origin)
        origin.gate.set()
        await until_page(later, origin, b"new", fresh=True)


async def test_a_connection_to_another_server_ends_the_others(own_redis: StartRedis) -> None:
    """The first connection that leads elsewhere shows that the name does: those to the old server end with it."""
    first, second = own_redis(), own_redis()
    async with tcp_proxy(first.port) as proxy, process(url_of(proxy)) as one:
        origin = Origin("page")
        await page(one, origin)
        before = one.tier.primary.mark
        proxy.redirect(("127.0.0.1", second.port))
        async with own_client(first.url()) as redis:
            await redis.client_kill_filter(_type="pubsub")
            async with asyncio.timeout(10):
                while await clients_of(redis):  # noqa: ASYNC110 - a server's
                    await asyncio.sleep(0.01)
        await until(lambda: is_listening(one.cache))
        assert before != one.tier.primary.mark
        assert 1 == one.tier.primary.changes
        assert Outcome.MISS is (await asked(one.cache, "another", origin, tags=TAGS)).outcome


async def test_a_cluster_that_is_down_and_comes_up(own_redis: StartRedis) -> None:
    """A slot without an owner is no Redis. Once all slots are served the tier works: all its keys are in one slot."""
    server = own_redis("--cluster-enabled", "yes")
    async with opened(f"redis+cluster://127.0.0.1:{server.port}", own_url=server.url()) as at:
        for _ in range(3):
            assert await at.entry() is None
        with pytest.raises(Unavailable, match="the slot of our keys has no owner"):
            await at.tier.check()
        await at.redis.cluster("ADDSLOTSRANGE", "0", "16383")
        kept = entry()
        async with asyncio.timeout(10):
            while await at.tier.read("key", TAGS) is None:  # noqa: ASYNC110 - the breaker goes by the clock
                await asyncio.sleep(0.05)
        assert await at.keep(kept)
        assert kept == await at.entry()


async def test_a_replica_is_no_redis(own_redis: StartRedis) -> None:
    """Where the name leads to a replica Redis is away, with that reason; its pages may be anybody's guess."""
    first, second = own_redis(), own_redis("--replica-serve-stale-data", "no")
    await make_replica(first, second)
    for _ in range(2):
        async with opened(second.url()) as at:
            assert await at.entry() is None
            with pytest.raises(Unavailable, match="the server is a replica"):
                await at.tier.check()
        first.kill()  # from now on the replica answers MASTERDOWN
