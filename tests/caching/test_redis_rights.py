"""The Redis user of docs/operations.md: it may do all that the service does, and nothing else."""

import re
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from farmlokal.caching.second_tier import Held
from farmlokal.limiting.quotas import Quota
from farmlokal.resilience.commit_positions import Committed, Position
from tests.caching.opened_tier import TAGS, entry, opened
from tests.limiting.limiters import CLIENT, processes
from tests.support.cache import Origin, asked, deliver, own_client, process
from tests.support.own_servers import StartRedis
from tests.support.partner import TOKEN, partner_stand, shared_tier
from tests.support.redis_names import IDENTITY, KEYS

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
PASSWORD = "of-the-tests"


def documented(identity: str) -> str:
    """The line of the page, for the catalogue with this identity."""
    line: str
    (line,) = re.findall(r"^ACL SETUSER farmlokal .*$", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    assert {"PASSWORD", "IDENTITY"} <= set(re.findall(r"[A-Z]{8,}", line))
    return line.replace("PASSWORD", PASSWORD).replace("IDENTITY", identity)


async def restricted(redis: Redis, port: int) -> str:
    """Make the user; the URL with its name, and with a database number, which takes a right of its own."""
    await redis.execute_command(*documented(IDENTITY).split())  # type: ignore[no-untyped-call]
    await redis.config_resetstat()
    return f"redis://farmlokal:{PASSWORD}@127.0.0.1:{port}/1"


async def test_the_user_may_do_all_of_it(own_redis: StartRedis) -> None:
    """Cache, notices, warming, limit and token work as that user; nothing is refused, and no right is for nothing."""
    server = own_redis()
    async with own_client(server.url()) as admin:
        url = await restricted(admin, server.port)
        async with opened(url, positions=True) as at:
            kept = entry()
            assert await at.keep(kept)
            assert kept == await at.entry()
            lease = await at.lease("another")
            assert await at.tier.learn(lease.unknown, Position("writer", 1, "seen"))
            assert isinstance(await at.tier.acquire("another", TAGS), Held)
            assert await at.tier.renew(lease)
            assert await at.tier.release(lease)
            assert await at.tier.invalidate(TAGS, "somebody", Committed((Position("writer", 2, "more"),), known=True))
            await at.redis.delete(KEYS.positions)
            assert await at.tier.invalidate(TAGS, "somebody")
            assert await at.tier.store_hot(b"[]")
            assert b"[]" == await at.tier.hot()
            assert await at.tier.ping()
            assert await at.tier.check_primary()
            assert await at.tier.check() is None
        async with process(url) as writer, process(url) as reader:
            origin = Origin("old")
            await asked(reader.cache, "page", origin, tags=TAGS)
            await reader.cache.settle()
            await deliver(writer, [reader], TAGS)
            assert not (await asked(reader.cache, "page", origin, tags=TAGS)).fresh
        async with processes(2, Quota("default", 100, 3600), url) as group:
            assert [None, None] == [shared.reason for shared in group.shared]
            assert group.limiters[0].take("default", CLIENT).allowed
            await group.reconcile()
            assert {True} == {limiter.shared for limiter in group.limiters}
        async with partner_stand() as partner, shared_tier(url) as second:
            assert 1 == len({(await partner.tokens(second).get()).access_token for _ in range(3)})
            assert 1 == partner.requests(TOKEN)
        # What redis-py says of itself after the greeting is for a newer Redis, and may be refused.
        refused = [str(one["object"]) for one in await admin.acl_log()]
        assert [] == [name for name in refused if not name.startswith("client")]
        used = {name.removeprefix("cmdstat_") for name in await admin.info("commandstats")}
        granted = {right.removeprefix("+") for right in documented(IDENTITY).split() if right.startswith("+")}
        assert set() == granted - used


@pytest.mark.parametrize(
    "command",
    [
        ("GET", "farmlokal:{another}:entry:2:key"),
        ("GET", "sessions"),
        ("PUBLISH", "farmlokal:{another}:notices", "{}"),
        ("KEYS", "*"),
        ("FLUSHALL",),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("LLEN", KEYS.hot),
    ],
    ids=" ".join,
)
async def test_the_user_may_do_nothing_else(own_redis: StartRedis, command: tuple[str, ...]) -> None:
    """Another catalogue's keys and channels, other programs' keys, and other commands are not for it."""
    server = own_redis()
    async with own_client(server.url()) as admin:
        url = await restricted(admin, server.port)
        async with own_client(url) as redis:
            with pytest.raises(NoPermissionError):
                await redis.execute_command(*command)  # type: ignore[no-untyped-call]
