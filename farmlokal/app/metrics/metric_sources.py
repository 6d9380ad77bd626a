"""Where each metric's number is read. The mechanisms count for themselves, in plain numbers, and know no metrics."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, TypeVar

from farmlokal.caching.lookup import Outcome
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.database.interface import Database
from farmlokal.limiting.limiter import RateLimiter
from farmlokal.limiting.shared import SharedLimit
from farmlokal.partner.connection import PartnerConnection
from farmlokal.partner.outbound.upstream import Outbound
from farmlokal.partner.sync.run import RunState
from farmlokal.partner.sync.service import Sync
from farmlokal.partner.token import Token
from farmlokal.partner.tokens import TokenCache
from farmlokal.resilience.breaker import BreakerState, CircuitBreaker
from farmlokal.telemetry.durations import Durations
from farmlokal.telemetry.metrics import BY_NAME
from farmlokal.webhooks.receive import Receiver
from farmlokal.webhooks.signature import Verifier

_STATES = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


K = TypeVar("K")


class Reading(NamedTuple):
    """One series of `telemetry.metrics`: the metric's name, the value of its label (or ""), and what gives its number.

    read: the number now, NaN where there is none; of a histogram the Durations themselves.
    """

    metric: str
    value: str
    read: Callable[[], float] | Durations


def number_in(numbers: Mapping[K, float], key: K) -> Callable[[], float]:
    """What gives the number that stands under `key` now."""
    return lambda: numbers[key]


def cache_readings(cache: ReadThrough, memory: MemoryTier) -> Iterator[Reading]:
    """What the cache and its first tier count."""
    counts = cache.counts
    for outcome in Outcome:
        yield Reading("farmlokal_cache_lookups_total", outcome, partial(counts.answers, outcome))
    yield Reading("farmlokal_cache_collapsed_total", "", lambda: counts.collapsed)
    yield Reading("farmlokal_cache_memory_bytes", "", lambda: memory.bytes_held)
    yield Reading("farmlokal_cache_memory_entries", "", lambda: len(memory))
    yield Reading("farmlokal_cache_evictions_total", "", lambda: memory.evictions)
    yield Reading("farmlokal_cache_invalidations_total", "", lambda: counts.invalidations)
    yield Reading("farmlokal_cache_leases_total", "granted", lambda: counts.granted)
    yield Reading("farmlokal_cache_leases_total", "busy", lambda: counts.busy)
    yield Reading("farmlokal_cache_leases_total", "unavailable", lambda: counts.unavailable)
    yield Reading("farmlokal_origin_loads_total", "loaded", lambda: counts.loaded)
    yield Reading("farmlokal_origin_loads_total", "failed", lambda: counts.failed)
    yield Reading("farmlokal_origin_loads_total", "busy", lambda: counts.refused)
    yield Reading("farmlokal_origin_load_seconds", "", counts.load_times)
    yield Reading("farmlokal_origin_wait_seconds", "", counts.wait_times)
    yield Reading("farmlokal_origin_loads_running", "", lambda: counts.running)


def database_readings(database: Database) -> Iterator[Reading]:
    """How the pool of connections stands."""
    yield Reading("farmlokal_database_pool_connections", "used", lambda: database.pool_use.used)
    yield Reading("farmlokal_database_pool_connections", "idle", lambda: database.pool_use.idle)
    yield Reading("farmlokal_database_pool_waiting", "", lambda: database.pool_use.waiting)


def breaker_reading(dependency: str, breaker: CircuitBreaker | None) -> Reading:
    """The breaker's state as a number. None: there is no such dependency, and nothing to leave alone."""
    return Reading("farmlokal_breaker_state", dependency, lambda: 0 if breaker is None else _STATES[breaker.state])


def partner_readings(partner: PartnerConnection) -> Iterator[Reading]:
    """What the calls to the partner count, as far as it is configured."""
    api, endpoint = partner.api, partner.token_endpoint
    yield breaker_reading("partner", None if api is None else api.guards.breaker)
    yield breaker_reading("token-endpoint", None if endpoint is None else endpoint.guards.breaker)
    if endpoint is not None:
        yield from _token_readings(partner.tokens)
    if api is not None:
        yield from _call_readings(api)


def _call_readings(api: Outbound) -> Iterator[Reading]:
    stats = api.stats
    refusals: dict[str, Callable[[], int]] = {
        "budget": lambda: stats.budget_refusals,
        "breaker": lambda: stats.breaker_refusals,
        "bulkhead": lambda: stats.bulkhead_refusals,
    }
    yield Reading("farmlokal_partner_calls_total", "succeeded", lambda: stats.succeeded)
    yield Reading(
        "farmlokal_partner_calls_total", "failed", lambda: stats.failed - sum(read() for read in refusals.values())
    )
    for result, read in refusals.items():
        yield Reading("farmlokal_partner_calls_total", result, read)
    yield Reading("farmlokal_partner_attempts_total", "", lambda: stats.attempts)
    yield Reading("farmlokal_partner_retry_budget", "", lambda: api.guards.budget.left)


def _token_readings(tokens: TokenCache) -> Iterator[Reading]:
    def of_held(read: Callable[[Token], float]) -> Callable[[], float]:
        return lambda: math.nan if tokens.held is None else read(tokens.held)

    yield Reading("farmlokal_token_requests_total", "granted", lambda: tokens.granted)
    yield Reading("farmlokal_token_requests_total", "failed", lambda: tokens.failed)
    yield Reading("farmlokal_token_age_seconds", "", of_held(lambda token: time.time() - token.issued_at))
    yield Reading("farmlokal_token_expires_in_seconds", "", of_held(lambda token: token.expires_at - time.time()))


def limit_readings(limiter: RateLimiter | None, shared: SharedLimit | None) -> Iterator[Reading]:
    """What the rate limit counts; nothing where there is none."""
    yield breaker_reading("rate-limit", None if shared is None else shared.breaker)
    if limiter is None:
        return
    for quota, lane in limiter.lanes.items():
        yield Reading("farmlokal_rate_limit_refusals_total", quota, partial(getattr, lane, "refusals"))
    yield Reading("farmlokal_rate_limit_clients", "", lambda: limiter.clients)
    if shared is not None:
        yield Reading("farmlokal_rate_limit_shared", "", lambda: limiter.shared)


def webhook_readings(receiver: Receiver, verifier: Verifier | None) -> Iterator[Reading]:
    """What became of the deliveries."""
    for outcome in BY_NAME["farmlokal_webhook_deliveries_total"].values:
        if outcome != "refused":
            yield Reading("farmlokal_webhook_deliveries_total", outcome, number_in(receiver.tally, outcome))
    yield Reading("farmlokal_webhook_deliveries_total", "refused", lambda: 0 if verifier is None else verifier.refused)


def sync_readings(sync: Sync) -> Iterator[Reading]:
    """What this process's work on runs of the sync counts."""
    for result in sync.rows:
        yield Reading("farmlokal_sync_rows_total", result, number_in(sync.rows, result))
    for state in (RunState.DONE, RunState.FAILED, RunState.INTERRUPTED):
        yield Reading("farmlokal_sync_runs_total", state, number_in(sync.ended, state))
    yield Reading("farmlokal_sync_running", "", lambda: sync.working)
