"""The limit that processes share: what each admitted is added up in Redis, behind the requests."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from farmlokal.limiting.clients import QuotaClients, TrackedClient
from farmlokal.limiting.limiter import RateLimiter
from farmlokal.limiting.redis_script import RECONCILE, SILENT_MAX_US, LimitKeys
from farmlokal.limiting.reports import Reconciled
from farmlokal.resilience.breaker import BreakerOpen, BreakerState, CircuitBreaker
from farmlokal.resilience.ending import end
from farmlokal.resilience.failure_log import log_breaker
from farmlokal.resilience.redis_pipe import RedisPipe, Word
from farmlokal.resilience.redis_primary import RedisPrimary, is_no_primary
from farmlokal.resilience.redis_reasons import reason_of
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# No request waits for this, so that it has more time than one would give it.
WAIT_MAX_S = 1.0
_FAILURES_MAX = 2
_OPEN_S = 1.0
_FAILURES = (RedisError, OSError, TimeoutError)

_INTERVAL_MAX_S = 0.1
_INTERVAL_MIN_S = 0.02
# Between two reconcilings, however quick a client is: each costs the process about as much as a request.
_PAUSE_S = 0.005
# Without a client to report on: a sign of life.
_SIGN_OF_LIFE_EVERY_S = 1.0
# In one script: Redis is busy with it for about a millisecond.
_CLIENTS_MAX = 256
# In the queue: there are more only when clients are new faster than Redis takes reports.
_QUEUE_MAX = 100_000


class SharedLimit:
    """Reconciles `limiter` with the other processes on one Redis, about ten times a second while there is anything to.

    While Redis does not answer the limit holds per process; the breaker logs the change of state, `limiter.shared`
    shows it. What was admitted meanwhile is not reported later. A client that makes no requests costs nothing.
    """

    keys: LimitKeys

    def __init__(
        self,
        redis: Redis,
        limiter: RateLimiter,
        identity: str | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """identity: of the catalogue; None where `belong_to` says it later, before any other call.

        clock: the same as the limiter's.
        """
        self.breaker = CircuitBreaker(failures_max=_FAILURES_MAX, open_s=_OPEN_S, on_change=self._log_change)
        self._primary = RedisPrimary(redis)
        self._pipe = RedisPipe(redis.connection_pool, wait_max_s=WAIT_MAX_S)
        self._failure = ""
        self.interval_s = _interval_s(limiter)
        self._limiter = limiter
        self._quotas = list(limiter.quota_clients.values())
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._sent_at = float("-inf")
        self._wanted_now = asyncio.Event()
        limiter.reconcile_by(self._wanted_now.set)
        if identity is not None:
            self.belong_to(identity)

    def __repr__(self) -> str:
        return f"<SharedLimit {self.breaker!r} interval_s={self.interval_s}>"

    @property
    def reason(self) -> str | None:
        """Why the limit is not shared, as far as that was tried and failed; None where it is."""
        closed = self.breaker.state is BreakerState.CLOSED
        return None if closed else f"the rate limit is not shared: {self._failure}"

    def belong_to(self, identity: str) -> None:
        """From now on use the keys of the catalogue with this identity."""
        self.keys = LimitKeys(identity)
        self._primary.belong_to(self.keys.processes)

    async def keep(self) -> None:
        """Reconcile until cancelled."""
        task = asyncio.current_task()
        following = asyncio.create_task(self._primary.follow(), name="redis master of the rate limit")
        try:
            # Checked, since the Redis client at times swallows a cancellation that meets an answer: measured, 4 in 100.
            while task is not None and not task.cancelling():
                await self.reconcile()
                await asyncio.sleep(_PAUSE_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.interval_s):
                        await self._wanted_now.wait()
                self._wanted_now.clear()
        finally:
            await end([following])
            await self._pipe.close()

    async def reconcile(self) -> bool:
        """Report to Redis what was admitted here, and learn what was elsewhere. Never raises.

        Returns whether the limit is shared.
        """
        try:
            for clients in self._quotas:
                self._drop_reports(clients, len(clients.queue) - _QUEUE_MAX)
                # A client that is queued meanwhile is for the next time.
                for left in range(len(clients.queue), 0, -_CLIENTS_MAX):
                    await self._exchange(clients, clients.next_in_queue(min(left, _CLIENTS_MAX)))
            if self._clock() - self._sent_at >= _SIGN_OF_LIFE_EVERY_S:
                await self._exchange(self._quotas[0], [])
        except (BreakerOpen, *_FAILURES):
            # By the time that Redis is back most of it is worked off.
            for clients in self._quotas:
                self._drop_reports(clients, len(clients.queue))
            if self.breaker.state is not BreakerState.CLOSED:
                self._limiter.shared = False
                self._limiter.share_among(1)
        return self._limiter.shared

    async def _exchange(self, quota: QuotaClients, clients: Sequence[TrackedClient]) -> None:
        sent_at = self._clock()
        reports = [client.report(sent_at) for client in clients]
        burst = quota.quota.burst
        sent = [(r.admitted, int(r.age_s * 1e6), min(r.asked, burst), r.held, r.seen) for r in reports]
        keys = [self.keys.processes, *(self.keys.arrival(quota.quota, client.name) for client in clients)]
        interval_us, tolerance_us = quota.interval_s * 1e6, quota.tolerance_s * 1e6
        arguments = (self._process, SILENT_MAX_US, repr(interval_us), repr(tolerance_us), orjson.dumps(sent))
        with self.breaker.call(*_FAILURES):
            (redis_us, processes), *answers = await self._reconciled(keys, arguments)
        self._sent_at = sent_at
        self._limiter.share_among(processes)
        self._limiter.shared = True
        for client, report, (arrival_us, granted, others) in zip(clients, reports, answers, strict=True):
            arrival = sent_at + (arrival_us - redis_us) / 1e6
            quota.learn(client, report, Reconciled(arrival, arrival_us, granted, bool(others)))

    async def _reconciled(self, keys: Sequence[str], arguments: Sequence[Word]) -> Any:
        try:
            async with asyncio.timeout(WAIT_MAX_S):
                return await self._pipe.run(RECONCILE, keys, arguments)
        except _FAILURES as error:
            self._failure = reason_of(error)
            if is_no_primary(error):
                await self._primary.drop()
            raise

    def _drop_reports(self, clients: QuotaClients, number: int) -> None:
        """Drop what there is to report of the first `number` clients in the queue."""
        now = self._clock()
        for client in clients.next_in_queue(max(0, number)):
            client.report(now)

    def _log_change(self, state: BreakerState) -> None:
        log_breaker(
            _log,
            state,
            away="the rate limit holds per process: Redis is away",
            back="the rate limit is shared again",
            reason=self._failure,
            dependency="redis",
        )


def _interval_s(limiter: RateLimiter) -> float:
    # What comes free between two must fit into a burst, or a flood would get less than its quota.
    shortest_s = min(clients.tolerance_s for clients in limiter.quota_clients.values()) / 2
    return min(_INTERVAL_MAX_S, max(_INTERVAL_MIN_S, shortest_s))
