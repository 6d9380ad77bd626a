"""Hearing of other processes' invalidations, and of the ends of their loads, over Redis pub/sub. One task."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from redis.asyncio.client import PubSub

from farmlokal.caching.awaited_loads import AwaitedLoads
from farmlokal.caching.redis.health import REDIS_FAILURES
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.tag_history import TagHistory
from farmlokal.resilience.backoff import Backoff
from farmlokal.resilience.redis_reasons import reason_of
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# A connection on which nothing came for this long is asked for a sign of life, which has as long to come.
PING_AFTER_S = 1.0
_SUBSCRIBE_MAX_S = 1.0


class NoticeListener:
    """Keeps one subscription, reconnecting for ever, and applies what it hears.

    name: the sender whose notices are this process's own, and known already.
    """

    def __init__(self, tier: RedisTier, history: TagHistory, awaited_loads: AwaitedLoads, *, name: str) -> None:
        self._tier = tier
        self._history = history
        self._awaited_loads = awaited_loads
        self._name = name
        self._backoff = Backoff(base_s=0.05, max_s=1.0)
        self._arriving = asyncio.Event()
        self._logged_lost = False
        # At once, and not when the notices arrive again, which takes a moment more.
        tier.primary.on_change.append(history.notices_missed)

    def __repr__(self) -> str:
        return f"<NoticeListener listening={self.listening}>"

    @property
    def listening(self) -> bool:
        """Whether notices arrive."""
        return self._arriving.is_set()

    async def wait_until_listening(self) -> None:
        """Return once notices arrive."""
        await self._arriving.wait()

    async def listen(self) -> None:
        """Listen until cancelled."""
        attempt = 0
        while True:
            try:
                async with self._subscribed() as pubsub:
                    attempt = 0
                    self._found()
                    await self._hear(pubsub)
            except REDIS_FAILURES as error:
                await self._lost(error)
            attempt += 1
            await asyncio.sleep(self._backoff.wait_s(attempt))

    @asynccontextmanager
    async def _subscribed(self) -> AsyncIterator[PubSub]:
        pubsub = self._tier.redis.pubsub()
        channels = (self._tier.keys.notices, self._tier.keys.landed)
        try:
            async with asyncio.timeout(_SUBSCRIBE_MAX_S):
                await pubsub.subscribe(*channels)
                confirmed = 0
                while confirmed < len(channels):
                    message = await pubsub.get_message(timeout=_SUBSCRIBE_MAX_S)
                    confirmed += message is not None and message["type"] == "subscribe"
            yield pubsub
        finally:
            await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _hear(self, pubsub: PubSub) -> None:
        silent = False
        while True:
            message = await pubsub.get_message(timeout=PING_AFTER_S)
            if message is not None:
                silent = False
                self._handle(message)
            elif silent:
                raise TimeoutError("no sign of life")
            else:
                silent = True
                await pubsub.ping()
                # A process that only reads learns in no other way that its server is a replica by now. While notices
                # arrive it may be one: they come from a primary then, and so does what it holds.
                await self._tier.check_primary()

    def _handle(self, message: dict[str, Any]) -> None:
        if message["type"] == "subscribe":
            # The client library reconnected by itself: what was sent meanwhile is lost.
            self._found()
        elif message["type"] == "message" and message["channel"] == self._tier.keys.landed.encode():
            self._awaited_loads.finished(message["data"].decode(errors="replace"))
        elif message["type"] == "message":
            self._apply(message["data"])

    def _apply(self, raw: bytes) -> None:
        try:
            notice = orjson.loads(raw)
            sender, tags = str(notice["from"]), [str(tag) for tag in notice["tags"]]
        except (ValueError, TypeError, KeyError):
            # Whatever that was on our channel, Redis knows better.
            self._history.notices_missed()
            return
        if sender != self._name:
            self._history.invalidated_elsewhere(tags)

    def _found(self) -> None:
        # Whatever was sent before this moment may have been missed.
        self._history.notices_missed()
        self._awaited_loads.all_may_be_finished()
        self._arriving.set()
        if self._logged_lost:
            _log.info("notices arrive again", dependency="redis")
        self._logged_lost = False

    async def _lost(self, error: BaseException) -> None:
        self._arriving.clear()
        # Where Redis is away altogether its breaker says so: one line per change of state is enough.
        if not self._logged_lost and await self._tier.ping():
            self._logged_lost = True
            _log.warning(
                "no notices arrive: entries live out their fresh time", dependency="redis", reason=reason_of(error)
            )
