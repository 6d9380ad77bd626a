"""What Redis keeps of the writer's position: with the generations, in any order of arrival, and never too little."""

import time

import pytest

from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import Lease
from farmlokal.resilience.commit_positions import CommitPositions, Committed, Position
from tests.caching.opened_tier import TAGS, Opened, opened
from tests.support.own_servers import StartRedis
from tests.support.redis_names import KEYS

FIRST, SECOND, THIRD = (Position("writer", rank, f"up to {rank}") for rank in (1, 2, 3))
OF_ANOTHER = Position("promoted", 1, "another's")


async def leased(at: Opened) -> Lease:
    """What a load is told."""
    lease = await at.lease("page")
    assert await at.tier.release(lease)
    return lease


async def committed(tier: RedisTier, *positions: Position) -> None:
    """Another process's invalidation, after commits that came so far."""
    assert await tier.invalidate(TAGS, "another", Committed(positions, known=bool(positions)))


async def test_what_is_not_known_is_learned_once(redis_url: str) -> None:
    """An empty Redis knows nothing; a position that was asked since is known to all from then on."""
    async with opened(redis_url, positions=True) as at:
        before = await leased(at)
        assert ((), True) == (before.positions, before.unknown != "")
        assert before.unknown == (await leased(at)).unknown
        assert await at.tier.learn(before.unknown, FIRST)
        assert (("up to 1",), "") == (await leased(at))[-2:]
        assert not await at.tier.learn(before.unknown, SECOND)


async def test_a_generation_comes_with_its_position(redis_url: str) -> None:
    """Whoever is given the next generation is told how far the writer had come, in the same step."""
    async with opened(redis_url, positions=True) as at:
        before = await leased(at)
        await at.tier.learn(before.unknown, FIRST)
        await committed(at.tier, SECOND)
        after = await leased(at)
        assert before.generations != after.generations
        assert (("up to 2",), "") == after[-2:]


async def test_a_position_that_arrives_late_takes_nothing_back(redis_url: str) -> None:
    """Two processes send in another order than they committed; another writer's position is needed beside it."""
    async with opened(redis_url, positions=True) as at:
        await at.tier.learn((await leased(at)).unknown, FIRST)
        await committed(at.tier, THIRD)
        await committed(at.tier, SECOND)
        assert ("up to 3",) == (await leased(at)).positions
        await committed(at.tier, OF_ANOTHER)
        assert {"up to 3", "another's"} == set((await leased(at)).positions)


async def test_a_writer_before_is_forgotten(redis_url: str) -> None:
    """Five minutes after the last commit that it took, what a lost writer had is nobody's need any more."""
    async with opened(redis_url, positions=True) as at:
        await at.tier.learn((await leased(at)).unknown, FIRST)
        await at.redis.hset(KEYS.positions, "writer", f"1 {time.time() - 310:.0f} up to 1")
        assert ("up to 1",) == (await leased(at)).positions
        await committed(at.tier, OF_ANOTHER)
        assert ("another's",) == (await leased(at)).positions


async def test_an_invalidation_without_a_position_makes_it_unknown(redis_url: str) -> None:
    """And what was asked of the writer before that is not believed: it may lack the commit."""
    async with opened(redis_url, positions=True) as at:
        asked = (await leased(at)).unknown
        await committed(at.tier)
        assert not await at.tier.learn(asked, FIRST)
        now = (await leased(at)).unknown
        assert now not in ("", asked)
        await committed(at.tier, SECOND)
        assert now == (await leased(at)).unknown
        assert await at.tier.learn(now, THIRD)
        assert (("up to 3",), "") == (await leased(at))[-2:]


@pytest.mark.parametrize("lost", ["restarted", "rubbish", "expired"])
async def test_what_is_lost_is_unknown(own_redis: StartRedis, lost: str) -> None:
    """A Redis that was restarted empty, or whose hash is gone or another's, tells nobody that all is known."""
    server = own_redis()
    async with opened(server.url(), positions=True) as at:
        asked = (await leased(at)).unknown
        await at.tier.learn(asked, FIRST)
        if lost == "restarted":
            server.restart()
            await at.redis.ping()
            assert not await at.tier.learn(asked, FIRST)
        elif lost == "rubbish":
            await at.redis.set(KEYS.positions, b"rubbish")
        else:
            await at.redis.delete(KEYS.positions)
        await committed(at.tier, SECOND)
        lease = await leased(at)
        assert lease.unknown not in ("", asked)


async def test_a_full_redis_takes_the_position_too(own_redis: StartRedis) -> None:
    """One that takes nothing new still invalidates, and knows how far the writer had come."""
    server = own_redis()
    async with opened(server.url(), positions=True) as at:
        await at.tier.learn((await leased(at)).unknown, FIRST)
        await at.redis.config_set("maxmemory", "1")
        await committed(at.tier, SECOND)
        await at.redis.config_set("maxmemory", "0")
        assert (("up to 2",), "") == (await leased(at))[-2:]


async def test_a_user_without_rights_on_hashes_invalidates(own_redis: StartRedis) -> None:
    """An access list of the release before is enough without readers, and tells those with readers nothing."""
    server = own_redis()
    async with opened(server.url(), positions=True) as at:
        await at.tier.learn((await leased(at)).unknown, FIRST)
        await at.redis.execute_command("ACL", "SETUSER", "earlier", "on", "nopass", "+@all", "~*", "&*", "-@hash")  # type: ignore[no-untyped-call]
        async with opened(f"redis://earlier:any@127.0.0.1:{server.port}") as earlier:
            await committed(earlier.tier)
        assert "" != (await leased(at)).unknown


def test_commits_are_taken_once_and_given_back() -> None:
    """The latest of each writer; not known where one was not, or where there was none."""
    commits = CommitPositions()
    assert Committed((), known=False) == commits.take()
    for position in (SECOND, FIRST, OF_ANOTHER):
        commits.note(position)
    taken = commits.take()
    assert Committed((SECOND, OF_ANOTHER), known=True) == taken
    commits.note(THIRD)
    commits.give_back(taken)
    assert Committed((THIRD, OF_ANOTHER), known=True) == commits.take()
    commits.note(None)
    commits.note(THIRD)
    doubtful = commits.take()
    assert Committed((THIRD,), known=False) == doubtful
    commits.give_back(doubtful)
    assert doubtful == commits.take()
