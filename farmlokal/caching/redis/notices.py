"""Hearing of other processes' invalidations, and of the ends of their loads, over Redis pub/sub. One task."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from redis.asyncio.client import PubSub

from farmlokal.caching.awaited_loads import AwaitedLoads
from farmlokal.caching.redis.health import REDIS_FAILURES
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import Doubt
from farmlokal.caching.tag_history import HEARD_S, TagHistory
from farmlokal.resilience.backoff import Backoff
from farmlokal.resilience.redis_reasons import reason_of
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# The connection is asked for a sign of life so often, whatever else comes on it: what Redis sent before its answer has
# been heard. A quarter of the time for which that is believed, so that a late one costs nothing.
BEAT_S = HEARD_S / 4
# Without one for so long the connection is given up.
SIGN_MAX_S = HEARD_S
# What has come by now and was not read is read in far less.
_LAST_LOOK_S = 0.01
# Where no notice came for so long the server is asked whether it is a primary still.
_ROLE_AFTER_S = 1.0
_SUBSCRIBE_MAX_S = 1.0


class NoticeListener:
    """Keeps one subscription, reconnecting for ever, and applies what it hears.

    clock: wall seconds. name: the sender whose notices are this process's own, and known already.
    """

    def __init__(
        self,
        tier: RedisTier,
        history: TagHistory,
        awaited_loads: AwaitedLoads,
        *,
        clock: Callable[[], float],
        name: str,
    ) -> None:
        self._tier = tier
        self._history = history
        self._awaited_loads = awaited_loads
        self._clock = clock
        self._name = name
        self._backoff = Backoff(base_s=0.05, max_s=HEARD_S / 2)
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
        self._history.heard(-math.inf)
        while True:
            try:
                asked_at = self._clock()
                async with self._subscribed() as pubsub:
                    attempt = 0
                    self._found()
                    self._history.heard(asked_at)
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
        now = asyncio.get_running_loop().time
        noticed, asked, answered = now(), now(), True
        asked_at = self._clock()
        while True:
            if answered and now() >= asked + BEAT_S:
                asked, asked_at, answered = now(), self._clock(), False
                await pubsub.ping()
            # What came while this process was held up counts: it is looked for once more when the time is over.
            left_s = asked + (BEAT_S if answered else SIGN_MAX_S) - now()
            message = await pubsub.get_message(timeout=max(left_s, _LAST_LOOK_S))
            if message is None:
                if not answered and left_s <= 0:
                    raise TimeoutError("no sign of life")
            elif message["type"] == "pong":
                answered = True
                self._history.heard(asked_at)
            else:
                noticed = now()
                self._handle(message)
            if now() >= noticed + _ROLE_AFTER_S:
                noticed = now()
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
            write, lasts_ms = notice.get("doubt", ("", 0))
            doubt = Doubt(str(write), int(lasts_ms))
        except (ValueError, TypeError, KeyError, AttributeError):
            # Whatever that was on our channel, Redis knows better.
            self._history.notices_missed()
            return
        if sender == self._name:
            return
        self._history.invalidated_elsewhere(tags)
        if doubt.lasts_ms > 0:
            self._history.doubt(doubt.write, tags, self._clock() + doubt.lasts_ms / 1000)
        else:
            self._history.settled(doubt.write)

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
        if self._logged_lost:
            return
        # Where Redis is away altogether its breaker says so: one line per change of state is enough. That is so too
        # where it has come back since.
        away = self._tier.away
        if await self._tier.ping() and not away:
            self._logged_lost = True
            _log.warning(
                "no notices arrive: each page is looked up in Redis once a second",
                dependency="redis",
                reason=reason_of(error),
            )
