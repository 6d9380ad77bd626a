"""The limit that processes share: what each admitted is added up in Redis, behind the requests."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from farmlokal.limiting.clients import Tracked
from farmlokal.limiting.limiter import Lane, RateLimiter
from farmlokal.limiting.redis_script import PROCESSES, RECONCILE, SILENT_MAX_US, arrival_key
from farmlokal.resilience.breaker import BreakerOpen, BreakerState, CircuitBreaker
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
# Without a client to tell of: a sign of life.
_TELL_EVERY_S = 1.0
# For so long after it last asked at its limit a client gets what Redis grants, and nothing else: a few reconcilings,
# and less than the second after which a refused client may come back.
_HOLD_S = 0.6
# What the way to Redis may take longer at one time than at another. Without it a client that comes at the very moment
# that it was told could be early by that much.
_SLACK_S = 0.02
# In one script: Redis is busy with it for about a millisecond.
_CLIENTS_MAX = 256
# In the queue: more come in only when clients are new faster than Redis can be told.
_QUEUE_MAX = 100_000


class Report(NamedTuple):
    """What one client did here since the last reconciling: see redis_script.RECONCILE."""

    state: Tracked
    admitted: int
    age_s: float
    asked: int
    held: bool


class SharedLimit:
    """Reconciles `limiter` with the other processes on one Redis, about ten times a second while there is anything to.

    While Redis does not answer the limit holds per process; the breaker logs the change of state, `limiter.shared`
    shows it. What was admitted meanwhile is not told later. A client that nobody asks for costs nothing.
    """

    def __init__(self, redis: Redis, limiter: RateLimiter, *, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: the same as the limiter's."""
        self.breaker = CircuitBreaker(failures_max=_FAILURES_MAX, open_s=_OPEN_S, on_change=_log_change)
        self.interval_s = _interval_s(limiter)
        self._limiter = limiter
        self._clock = clock
        self._process = secrets.token_hex(8)
        self._reconcile = redis.register_script(RECONCILE)
        self._told_at = float("-inf")
        self._hurried = asyncio.Event()
        limiter.reconciled = True
        limiter.hurry = self._hurried.set

    def __repr__(self) -> str:
        return f"<SharedLimit {self.breaker!r} interval_s={self.interval_s}>"

    async def keep(self) -> None:
        """Reconcile until cancelled."""
        task = asyncio.current_task()
        # Looked at, since the Redis client at times swallows a cancellation that meets an answer: measured, 4 in 100.
        while task is not None and not task.cancelling():
            await self.reconcile()
            await asyncio.sleep(_PAUSE_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.interval_s):
                    await self._hurried.wait()
            self._hurried.clear()

    async def reconcile(self) -> bool:
        """Tell Redis what was admitted here, learn what was elsewhere; whether the limit is shared. Never raises."""
        try:
            for lane in self._limiter.lanes.values():
                self._forget(lane, len(lane.queue) - _QUEUE_MAX)
                # Who comes into the queue meanwhile is for the next time.
                for left in range(len(lane.queue), 0, -_CLIENTS_MAX):
                    await self._exchange(lane, lane.next_in_queue(min(left, _CLIENTS_MAX)))
            if self._clock() - self._told_at >= _TELL_EVERY_S:
                await self._exchange(next(iter(self._limiter.lanes.values())), [])
        except (BreakerOpen, *_FAILURES):
            # By the time that Redis is back most of it is worked off.
            for lane in self._limiter.lanes.values():
                self._forget(lane, len(lane.queue))
            if self.breaker.state is not BreakerState.CLOSED:
                self._limiter.shared = False
                self._limiter.share_among(1)
        return self._limiter.shared

    async def _exchange(self, lane: Lane, states: Sequence[Tracked]) -> None:
        sent_at = self._clock()
        reports = [_report(state, sent_at) for state in states]
        told = [(r.admitted, int(r.age_s * 1e6), min(r.asked, lane.quota.burst), r.held, r.state.seen) for r in reports]
        keys = [PROCESSES, *(arrival_key(lane.quota, state.client) for state in states)]
        interval_us, tolerance_us = lane.interval_s * 1e6, lane.tolerance_s * 1e6
        arguments: list[str | float | bytes] = [
            self._process,
            SILENT_MAX_US,
            interval_us,
            tolerance_us,
            orjson.dumps(told),
        ]
        with self.breaker.call(*_FAILURES):
            async with asyncio.timeout(WAIT_MAX_S):
                (redis_us, processes), *answers = await self._reconcile(keys=keys, args=arguments)
        self._told_at = sent_at
        self._limiter.share_among(processes)
        self._limiter.shared = True
        for report, (arrival_us, granted, others) in zip(reports, answers, strict=True):
            arrival = sent_at + (arrival_us - redis_us) / 1e6
            report.state.seen = arrival_us
            self._learn(lane, report, arrival, granted, others=bool(others))

    def _learn(self, lane: Lane, report: Report, arrival: float, granted: int, *, others: bool) -> None:
        state = report.state
        state.granted += granted
        now = self._clock()
        if others or report.held:
            # With what was admitted while the answer was on its way.
            begun = max(arrival - _SLACK_S, state.since) if state.spent else arrival - _SLACK_S
            state.tat = begun + state.spent * lane.interval_s
            if report.asked:
                state.held_until = now + _HOLD_S
        if (state.held_until > now or state.granted) and not state.queued:
            state.queued = True
            lane.queue.append(state)

    def _forget(self, lane: Lane, number: int) -> None:
        """Drop what there is to tell of the first `number` in the queue."""
        for state in lane.next_in_queue(max(0, number)):
            _report(state, self._clock())


def _report(state: Tracked, now: float) -> Report:
    """What there is to tell of `state`, which begins anew."""
    held = state.held_until > now
    asked = max(0, state.asked - state.granted)
    if state.granted and not held:
        # Nobody came for them: others may have them.
        state.spent -= state.granted
        state.granted = 0
    age_s = now - state.since if state.spent > 0 else 0.0
    report = Report(state, state.spent, age_s, asked, held)
    state.spent = state.asked = 0
    state.queued = False
    return report


def _interval_s(limiter: RateLimiter) -> float:
    # What comes free between two must fit into a burst, or a flood would get less than its quota.
    shortest_s = min(lane.tolerance_s for lane in limiter.lanes.values()) / 2
    return min(_INTERVAL_MAX_S, max(_INTERVAL_MIN_S, shortest_s))


def _log_change(state: BreakerState) -> None:
    if state is BreakerState.CLOSED:
        _log.info("the rate limit is shared again", dependency="redis", breaker=state)
    else:
        _log.warning("the rate limit holds per process: Redis is away", dependency="redis", breaker=state)
