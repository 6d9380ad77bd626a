"""The second tier: Redis, shared by every process, and never waited for longer than stated."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

import orjson
from redis.asyncio import Redis

from farmlokal.caching.entry import Entry, decoded
from farmlokal.caching.redis import scripts
from farmlokal.caching.redis.batched_reads import BatchedReads, snapshot_of, text_of
from farmlokal.caching.redis.health import REDIS_FAILURES, RedisHealth
from farmlokal.caching.redis.keys import GENERATION_MS, HOT_MS, RedisKeys
from farmlokal.caching.second_tier import IN_DOUBT, LEASE_MS, NOTHING_KNOWN, Doubt, Held, Lease, Snapshot
from farmlokal.resilience.breaker import BreakerOpen, BreakerState
from farmlokal.resilience.commit_positions import Committed, Position
from farmlokal.resilience.redis_pipe import RedisPipe
from farmlokal.resilience.redis_primary import RedisPrimary, expect_primary
from farmlokal.telemetry.tracing import exchange_span

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F")


def fails_open(
    fallback: F, command: str = "EVALSHA"
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T | F]]]:
    """Decorate a RedisTier method: while Redis is away, too slow or refuses, it returns `fallback`.

    The breaker logs the change of state once; calls that it holds back cost nothing. command: of Redis, for traces.
    """

    def decorate(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T | F]]:
        name = f"redis {method.__name__.strip('_')}"
        attributes = {"db.system.name": "redis", "db.operation.name": command}

        async def attempt(tier: "RedisTier", *args: P.args, **kwargs: P.kwargs) -> T | F:
            with exchange_span(name, attributes):
                try:
                    return await method(*args, **kwargs)
                except REDIS_FAILURES as error:
                    if await tier.health.is_refusal(error):
                        return fallback
                    raise

        @wraps(method)
        async def guarded(*args: P.args, **kwargs: P.kwargs) -> T | F:
            tier = cast("RedisTier", args[0])
            breaker = tier.breaker
            if not breaker.calm:
                with suppress(BreakerOpen, *REDIS_FAILURES), breaker.call(*REDIS_FAILURES):
                    return await attempt(tier, *args, **kwargs)
                return fallback
            try:
                answer = await attempt(tier, *args, **kwargs)
            except REDIS_FAILURES:
                breaker.failed()
                return fallback
            if not breaker.calm:  # others failed meanwhile
                breaker.worked()
            return answer

        return guarded

    return decorate


class RedisTier:
    """Entries, leases and generations in Redis, as SecondTier has them. No method raises.

    identity: of the catalogue; None where `belong_to` says it later, before any other call. wait_max_s: the longest
    that any one call waits for Redis. positions: whether leases are to say what loads have to have seen. token: gives
    what it has not given before; 96 random bits unless a test says otherwise.
    """

    keys: RedisKeys

    def __init__(
        self,
        redis: Redis,
        identity: str | None,
        *,
        wait_max_s: float,
        positions: bool = False,
        token: Callable[[], str] = lambda: secrets.token_hex(12),
    ) -> None:
        self.redis = redis
        self.wait_max_s = wait_max_s
        self.primary = RedisPrimary(redis)
        self._pipe = RedisPipe(redis.connection_pool, wait_max_s=wait_max_s)
        self.health = RedisHealth(self._pipe, self.primary)
        self.breaker = self.health.breaker
        self._positions = positions
        self._token = token
        self._reads = BatchedReads(self._fetch, self.primary)
        if identity is not None:
            self.belong_to(identity)

    def __repr__(self) -> str:
        return f"<RedisTier {self.breaker!r} {self._reads!r} {self.health.writes!r}>"

    def belong_to(self, identity: str) -> None:
        """From now on use the keys and channels of the catalogue with this identity."""
        self.keys = RedisKeys(identity)
        self.primary.belong_to(self.keys.notices)

    @property
    def away(self) -> bool:
        """Whether the breaker keeps calls from Redis, but for one now and then."""
        return self.breaker.state is not BreakerState.CLOSED

    async def read(self, key: str, tags: tuple[str, ...]) -> Snapshot | None:
        """Return what Redis holds. The keys that are asked for in one turn of the event loop travel as one MGET."""
        return await self._reads.ask((self.keys.entry(key), *self.keys.generations(tags)))

    def read_then(self, key: str, tags: tuple[str, ...], then: Callable[[Snapshot | None], object]) -> None:
        """Call `then` later with what `read` would return. The keys travel in the same MGET."""
        self._reads.ask_then((self.keys.entry(key), *self.keys.generations(tags)), then)

    @fails_open(None)
    async def acquire(self, key: str, tags: tuple[str, ...]) -> Lease | Held:
        """Return the lease, the entry and the generations, all of one step in Redis; or that another has it."""
        return cast("Lease | Held", await self._acquired(key, tags, unless_kept=False))

    @fails_open(None)
    async def read_or_acquire(self, key: str, tags: tuple[str, ...]) -> Snapshot | Lease | Held:
        """Return what `read` would where that has an entry, else what `acquire` would, in one step."""
        return await self._acquired(key, tags, unless_kept=True)

    async def _acquired(self, key: str, tags: tuple[str, ...], *, unless_kept: bool) -> Snapshot | Lease | Held:
        if self.primary.mark:
            return await self._acquired_there(key, tags, unless_kept=unless_kept)
        async with asyncio.timeout(self.wait_max_s):
            await self._pipe.connect()
            return await self._acquired_there(key, tags, unless_kept=unless_kept)

    async def _acquired_there(self, key: str, tags: tuple[str, ...], *, unless_kept: bool) -> Snapshot | Lease | Held:
        token = self._token()
        mark = self.primary.mark
        # One serves as the lease's token and as the generation of every tag that has none: none of them had it before.
        answer = await self._pipe.run(
            scripts.ACQUIRE,
            [*self.keys.lease_keys(key), self.keys.positions, *self.keys.generations(tags)],
            [
                token,
                LEASE_MS,
                mark + token,
                GENERATION_MS,
                len(mark),
                self._token() if self._positions else "",
                IN_DOUBT,
                int(unless_kept),
            ],
        )
        if answer[0] == 2:
            return snapshot_of(decoded(answer[1]), answer[2], self.primary.mark)
        self._log_write()
        if answer[0] == 0:
            return Held(answer[1] / 1000)
        kept, positions, *generations = answer[1:]
        held = tuple(map(text_of, generations))
        snapshot = Snapshot(None if kept is None else decoded(kept), held)
        return Lease(key, token, tags, held, snapshot, *(_known_positions(positions) if positions else ()))

    @fails_open(False)
    async def renew(self, lease: Lease) -> bool:
        """Prolong the lease by LEASE_MS from now, if its token is still there."""
        return bool(await self._pipe.run(scripts.RENEW, [self.keys.lease(lease.key)], [lease.token, LEASE_MS]))

    @fails_open(False)
    async def store(self, lease: Lease, entry: Entry, *, now: float) -> bool:
        """Keep the entry and end the lease in one step, if token and generations are still the same."""
        lifetime_ms = int((entry.stale_until - now) * 1000)
        if lifetime_ms <= 0:
            await self.release(lease)
            return False
        generation_ms = max(GENERATION_MS, lifetime_ms)
        kept = await self._pipe.run(
            scripts.STORE,
            [*self.keys.lease_keys(lease.key), *self.keys.generations(lease.tags)],
            [
                lease.token,
                entry.encoded(),
                lifetime_ms,
                generation_ms,
                self.keys.landed,
                lease.key,
                *_raw(entry.generations),
            ],
        )
        self._log_write()
        return bool(kept)

    @fails_open(False)
    async def release(self, lease: Lease) -> bool:
        """Delete the lease, if its token is still there, and wake the processes that wait for it."""
        keys = self.keys.lease_keys(lease.key)[:2]
        return bool(await self._pipe.run(scripts.RELEASE, keys, [lease.token, self.keys.landed, lease.key]))

    @fails_open(False)
    async def invalidate(
        self, tags: Iterable[str], sender: str, committed: Committed = NOTHING_KNOWN, doubt: Doubt | None = None
    ) -> bool:
        """Delete the generations, note doubt and positions, and publish the notice, all in one step."""
        named = tuple(tags)
        notice: dict[str, object] = {"from": sender, "tags": named}
        if doubt is not None:
            notice["doubt"] = tuple(doubt)
        positions = [text for one in committed.positions for text in (one.timeline, one.rank, one.seen)]
        await self._pipe.run(
            scripts.INVALIDATE,
            [self.keys.positions, *self.keys.generations(named)],
            [
                self.keys.notices,
                orjson.dumps(notice),
                self.primary.mark,
                "" if committed.known else self._token(),
                GENERATION_MS,
                int(time.time()),
                IN_DOUBT,
                *(doubt or ("", 0)),
                *positions,
            ],
        )
        return True

    @fails_open(False)
    async def learn(self, unknown: str, position: Position) -> bool:
        """Note the position in one step with the look whether it was asked late enough."""
        return bool(
            await self._pipe.run(
                scripts.LEARN, [self.keys.positions], [unknown, *position, int(time.time()), GENERATION_MS]
            )
        )

    @fails_open(False, "SET")
    async def store_hot(self, hot: bytes) -> bool:
        """Keep `hot`, which says what a process is asked for most, in place of what another stored."""
        return bool(await self._pipe.call("SET", self.keys.hot, hot, "PX", HOT_MS))

    @fails_open(None, "GET")
    async def hot(self) -> bytes | None:
        """Return what was stored last as asked for most."""
        return cast("bytes | None", await self._pipe.call("GET", self.keys.hot))

    @fails_open(False, "PING")
    async def ping(self) -> bool:
        """Return whether Redis answers in time."""
        return bool(await self._pipe.call("PING"))

    @fails_open(False, "INFO")
    async def check_primary(self) -> bool:
        """Return whether the server is still a primary; where it is a replica by now every connection ends.

        Replicas answer whoever only reads, and say nothing when they become one.
        """
        expect_primary(await self._pipe.call("INFO", "replication"))
        return True

    @fails_open(None, "MGET")
    async def _fetch(self, keys: list[str]) -> list[bytes | None]:
        return cast("list[bytes | None]", await self._pipe.call("MGET", *keys))

    async def expect_server(self) -> None:
        """Raise RedisMisconfigured where the URL is one of another kind of server. Redis may be away."""
        with suppress(*REDIS_FAILURES):
            await self._pipe.connect()
        self.primary.raise_if_misconfigured()

    async def close(self) -> None:
        """Close the connections that are no pool's."""
        await self._pipe.close()

    async def check(self) -> str | None:
        """Ask for a lease as a load does. Returns None where that works, else why Redis refuses what we send.

        Raises Unavailable, whose text is the reason, where Redis is away.
        """
        lease = await self.acquire(f"check {self._token()}", ())
        if isinstance(lease, Lease):
            await self.release(lease)
        return self.health.verdict(lease)

    def _log_write(self) -> None:
        if not self.health.writes.up:  # with every write: an attribute, not a call
            self.health.writes.worked()


def _known_positions(held: list[bytes]) -> tuple[tuple[str, ...], str]:
    """The positions that a load has to have seen, and what is not known: of the hash as HGETALL gives it."""
    texts = list(map(text_of, held))
    fields = dict(zip(texts[::2], texts[1::2], strict=True))
    unknown = fields.pop("?", "")
    fields.pop("@", None)
    return tuple([text.split(" ", 2)[2] for _, text in sorted(fields.items())]), unknown


def _raw(generations: tuple[str, ...]) -> list[bytes]:
    return [generation.encode("latin-1", "replace") for generation in generations]
