"""Where each metric's number is read. The mechanisms count for themselves, in plain numbers, and know no metrics."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple, TypeVar

from farmlokal.caching.lookup import Outcome
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.catalog.changes.sequencer import Sequencer
from farmlokal.catalog.counting.summary import Summaries
from farmlokal.catalog.planning.planner import Planner
from farmlokal.catalog.search.index import SearchIndex
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

K = TypeVar("K")

_STATES = {BreakerState.CLOSED: 0, BreakerState.HALF_OPEN: 1, BreakerState.OPEN: 2}


class MetricSource(NamedTuple):
    """Where the number of one series is read. metric: the name in `telemetry.metrics`. value: of its label, or "".

    read: returns the number now, NaN where there is none; of a histogram the Durations themselves.
    """

    metric: str
    value: str
    read: Callable[[], float] | Durations


def number_in(numbers: Mapping[K, float], key: K) -> Callable[[], float]:
    """Returns a function that returns the number under `key` at the time of its call."""
    return lambda: numbers[key]


def cache_sources(cache: ReadThrough, memory: MemoryTier) -> Iterator[MetricSource]:
    """Yields the counters of the cache and of its first tier."""
    counts = cache.counts
    for outcome in Outcome:
        yield MetricSource("farmlokal_cache_lookups_total", outcome, partial(counts.answers, outcome))
    yield MetricSource("farmlokal_cache_collapsed_total", "", lambda: counts.collapsed)
    yield MetricSource("farmlokal_cache_memory_bytes", "", lambda: memory.bytes_taken)
    yield MetricSource("farmlokal_cache_memory_entries", "", lambda: len(memory))
    yield MetricSource("farmlokal_cache_evictions_total", "", lambda: memory.evictions)
    yield MetricSource("farmlokal_cache_invalidations_total", "", lambda: counts.invalidations)
    yield MetricSource("farmlokal_cache_sent_for_others_total", "", lambda: counts.sent_for_others)
    yield MetricSource("farmlokal_cache_leases_total", "granted", lambda: counts.granted)
    yield MetricSource("farmlokal_cache_leases_total", "busy", lambda: counts.busy)
    yield MetricSource("farmlokal_cache_leases_total", "unavailable", lambda: counts.unavailable)
    yield MetricSource("farmlokal_origin_loads_total", "loaded", lambda: counts.loaded)
    yield MetricSource("farmlokal_origin_loads_total", "failed", lambda: counts.failed)
    yield MetricSource("farmlokal_origin_loads_total", "busy", lambda: counts.refused)
    yield MetricSource("farmlokal_origin_load_seconds", "", counts.load_times)
    yield MetricSource("farmlokal_origin_wait_seconds", "", counts.wait_times)
    yield MetricSource("farmlokal_origin_loads_running", "", lambda: counts.running)


def search_sources(index: SearchIndex) -> Iterator[MetricSource]:
    """Yields the counters of search."""
    for outcome in BY_NAME["farmlokal_search_questions_total"].values:
        yield MetricSource("farmlokal_search_questions_total", outcome, number_in(index.questions, outcome))
    yield MetricSource("farmlokal_search_names", "", lambda: len(index.vocabulary))


def summary_sources(summaries: Summaries) -> Iterator[MetricSource]:
    """Yields the counters of summaries."""
    for settled in BY_NAME["farmlokal_summaries_total"].values:
        yield MetricSource("farmlokal_summaries_total", settled, number_in(summaries.totals, settled))
    yield MetricSource("farmlokal_summary_entries_total", "", lambda: summaries.entries)


def database_sources(database: Database) -> Iterator[MetricSource]:
    """Yields the use of the pool of connections, and what was lost."""
    for lost in database.losses:
        yield MetricSource("farmlokal_database_losses_total", lost, number_in(database.losses, lost))
    yield MetricSource("farmlokal_database_pool_connections", "used", lambda: database.pool_use.used)
    yield MetricSource("farmlokal_database_pool_connections", "idle", lambda: database.pool_use.idle)
    yield MetricSource("farmlokal_database_pool_waiting", "", lambda: database.pool_use.waiting)


def breaker_source(dependency: str, breaker: CircuitBreaker | None) -> MetricSource:
    """The breaker's state as a number. None: the dependency is not configured, which counts as closed."""
    return MetricSource("farmlokal_breaker_state", dependency, lambda: 0 if breaker is None else _STATES[breaker.state])


def redis_sources(tier: RedisTier | None) -> Iterator[MetricSource]:
    """Yields the breaker's state and the changes of the server; without a Redis there is none of either."""
    yield breaker_source("redis", None if tier is None else tier.breaker)
    yield MetricSource("farmlokal_redis_changes_total", "", lambda: 0 if tier is None else tier.primary.changes)


def partner_sources(partner: PartnerConnection) -> Iterator[MetricSource]:
    """Yields the counters of the calls to the partner, as far as it is configured."""
    api, endpoint = partner.api, partner.token_endpoint
    yield breaker_source("partner", None if api is None else api.guards.breaker)
    yield breaker_source("token-endpoint", None if endpoint is None else endpoint.guards.breaker)
    if endpoint is not None:
        yield from _token_sources(partner.tokens)
    if api is not None:
        yield from _call_sources(api)


def _call_sources(api: Outbound) -> Iterator[MetricSource]:
    stats = api.stats
    refusals: dict[str, Callable[[], int]] = {
        "budget": lambda: stats.budget_refusals,
        "breaker": lambda: stats.breaker_refusals,
        "bulkhead": lambda: stats.bulkhead_refusals,
    }
    yield MetricSource("farmlokal_partner_calls_total", "succeeded", lambda: stats.succeeded)
    yield MetricSource(
        "farmlokal_partner_calls_total", "failed", lambda: stats.failed - sum(read() for read in refusals.values())
    )
    for result, read in refusals.items():
        yield MetricSource("farmlokal_partner_calls_total", result, read)
    yield MetricSource("farmlokal_partner_attempts_total", "", lambda: stats.attempts)
    yield MetricSource("farmlokal_partner_retry_budget", "", lambda: api.guards.budget.left)


def _token_sources(tokens: TokenCache) -> Iterator[MetricSource]:
    def of_held(read: Callable[[Token], float]) -> Callable[[], float]:
        return lambda: math.nan if tokens.held is None else read(tokens.held)

    yield MetricSource("farmlokal_token_requests_total", "granted", lambda: tokens.granted)
    yield MetricSource("farmlokal_token_requests_total", "failed", lambda: tokens.failed)
    yield MetricSource("farmlokal_token_age_seconds", "", of_held(lambda token: time.time() - token.issued_at))
    yield MetricSource("farmlokal_token_expires_in_seconds", "", of_held(lambda token: token.expires_at - time.time()))


def planner_sources(planner: Planner) -> Iterator[MetricSource]:
    """Yields the size of the sample."""
    yield MetricSource("farmlokal_sample_rows", "", lambda: len(planner.sample))


def limit_sources(limiter: RateLimiter | None, shared: SharedLimit | None) -> Iterator[MetricSource]:
    """Yields the counters of the rate limit; its breaker alone where there is none."""
    yield breaker_source("rate-limit", None if shared is None else shared.breaker)
    if limiter is None:
        return
    for quota, clients in limiter.quota_clients.items():
        yield MetricSource("farmlokal_rate_limit_refusals_total", quota, partial(getattr, clients, "refusals"))
    yield MetricSource("farmlokal_rate_limit_clients", "", lambda: limiter.clients)
    if shared is not None:
        yield MetricSource("farmlokal_rate_limit_shared", "", lambda: limiter.shared)


def webhook_sources(receiver: Receiver, verifier: Verifier | None) -> Iterator[MetricSource]:
    """Yields the numbers of deliveries by their outcome."""
    for outcome in BY_NAME["farmlokal_webhook_deliveries_total"].values:
        if outcome != "refused":
            yield MetricSource("farmlokal_webhook_deliveries_total", outcome, number_in(receiver.tally, outcome))
    yield MetricSource("farmlokal_unknown_categories_total", "webhook", lambda: receiver.unknown_categories)
    yield MetricSource(
        "farmlokal_webhook_deliveries_total", "refused", lambda: 0 if verifier is None else verifier.refused
    )


def change_sources(sequencer: Sequencer) -> Iterator[MetricSource]:
    """Yields the counter of the changes that this process has numbered."""
    yield MetricSource("farmlokal_changes_numbered_total", "", lambda: sequencer.numbered)


def sync_sources(sync: Sync) -> Iterator[MetricSource]:
    """Yields the counters of this process's work on runs of the sync."""
    for result in sync.rows:
        yield MetricSource("farmlokal_sync_rows_total", result, number_in(sync.rows, result))
    yield MetricSource("farmlokal_unknown_categories_total", "sync", lambda: sync.unknown_categories)
    for state in (RunState.DONE, RunState.FAILED, RunState.INTERRUPTED):
        yield MetricSource("farmlokal_sync_runs_total", state, number_in(sync.ended, state))
    yield MetricSource("farmlokal_sync_running", "", lambda: sync.working)
