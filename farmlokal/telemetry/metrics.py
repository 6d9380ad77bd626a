"""Every metric that there is: name, type, labels and meaning. docs/metrics.md is held against this."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What Prometheus calls the metric's type."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Merge(StrEnum):
    """How the numbers of several processes become one. Counters and histograms are always added up."""

    SUM = "sum"
    MAX = "max"
    MIN = "min"


class Metric(NamedTuple):
    """One metric.

    values: of its only label, all that there are; each has its series from the start, at 0, so that an alert rule
    finds it. Empty where the application knows them: routes, methods and statuses, and the build.
    merge: of a gauge's processes. A gauge without a number is NaN, for which no comparison is true.
    """

    name: str
    meaning: str
    kind: Kind = Kind.COUNTER
    label: str = ""
    values: tuple[str, ...] = ()
    merge: Merge = Merge.SUM

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of its labels."""
        return tuple(self.label.split(",")) if self.label else ()


HTTP_REQUESTS = Metric(
    "farmlokal_http_requests_total",
    "answers, by the route's template (`unmatched` where none matched the path and the method), method (`other`: not"
    " one of ours), status",
    label="route,method,status",
)
HTTP_SECONDS = Metric(
    "farmlokal_http_request_seconds",
    "time from a request's head to its answer, before the first byte goes out",
    Kind.HISTOGRAM,
    label="route",
)
BUILD_INFO = Metric("farmlokal_build_info", "always 1", Kind.GAUGE, label="version,python", merge=Merge.MAX)

_LOOKUPS = ("memory", "redis", "negative", "stale", "stale-error", "miss")
_DEPENDENCIES = ("redis", "partner", "token-endpoint", "rate-limit")
_WEBHOOK_OUTCOMES = (
    "created",
    "updated",
    "deleted",
    "unchanged",
    "outdated",
    "placed",
    "cancelled",
    "repeated",
    "ignored",
    "duplicate",
    "conflict",
    "dead",
    "refused",
)

METRICS: tuple[Metric, ...] = (
    HTTP_REQUESTS,
    HTTP_SECONDS,
    Metric("farmlokal_hot_path_answers_total", "those of them that were given below the request handlers"),
    # The cache.
    Metric(
        "farmlokal_cache_lookups_total",
        "answers of the cache, by where they came from",
        Kind.COUNTER,
        "outcome",
        _LOOKUPS,
    ),
    Metric("farmlokal_cache_collapsed_total", "answers that another caller's load brought: single-flight followers"),
    Metric(
        "farmlokal_cache_memory_bytes",
        "weight of the entries in memory, and of what is remembered of questions",
        Kind.GAUGE,
    ),
    Metric("farmlokal_cache_memory_entries", "entries in memory", Kind.GAUGE),
    Metric("farmlokal_cache_evictions_total", "entries that left memory to make room"),
    Metric(
        "farmlokal_cache_invalidations_total", "times that a write of this service's processes invalidated something"
    ),
    Metric(
        "farmlokal_cache_sent_for_others_total",
        "invalidated cache tags that were sent to Redis for processes that could not do so",
    ),
    Metric(
        "farmlokal_cache_leases_total",
        "leases asked for before a load; `busy`: another process loads, `unavailable`: Redis does not answer",
        Kind.COUNTER,
        "result",
        ("granted", "busy", "unavailable"),
    ),
    Metric(
        "farmlokal_origin_loads_total",
        "loads from the database; `busy`: refused, because no slot came free in time",
        Kind.COUNTER,
        "result",
        ("loaded", "failed", "busy"),
    ),
    Metric("farmlokal_origin_load_seconds", "time of those loads", Kind.HISTOGRAM),
    Metric("farmlokal_origin_wait_seconds", "time that loads waited for a slot", Kind.HISTOGRAM),
    Metric("farmlokal_origin_loads_running", "loads under way", Kind.GAUGE),
    # What is asked for in words.
    Metric(
        "farmlokal_search_questions_total",
        "questions in words that were read and not remembered; `corrected`: understood otherwise than spelt, by"
        " aliases, places or corrections; `nothing`: no name has the words",
        Kind.COUNTER,
        "outcome",
        ("as-spelt", "corrected", "nothing"),
    ),
    Metric("farmlokal_search_names", "names that are searched; the most of all processes", Kind.GAUGE, merge=Merge.MAX),
    # What questions are planned by.
    Metric(
        "farmlokal_sample_rows",
        "products in the sample that plans are made by: a part of them for the first half minute, then 32,768 or all;"
        " the least of all processes",
        Kind.GAUGE,
        merge=Merge.MIN,
    ),
    # How many products there are of what.
    Metric(
        "farmlokal_summaries_total",
        "summaries that were loaded; `exact`: their total was counted, `estimated`: it is the sample's",
        Kind.COUNTER,
        "total",
        ("exact", "estimated"),
    ),
    Metric("farmlokal_summary_entries_total", "entries of indexes that were read to count products", Kind.COUNTER),
    # What we depend on.
    Metric(
        "farmlokal_breaker_state",
        "0 closed, 1 half-open, 2 open; the worst of all processes",
        Kind.GAUGE,
        "dependency",
        _DEPENDENCIES,
        Merge.MAX,
    ),
    Metric(
        "farmlokal_dependency_up",
        "1 while it answers, 0 while one of the processes gets no answer; NaN where it is not configured",
        Kind.GAUGE,
        "dependency",
        ("database", "redis"),
        Merge.MIN,
    ),
    Metric(
        "farmlokal_dependency_degraded",
        "1 while it answers slowly, or refuses a part (read-only, full, a right is missing); NaN where it is not"
        " configured",
        Kind.GAUGE,
        "dependency",
        ("database", "redis"),
        Merge.MAX,
    ),
    Metric(
        "farmlokal_redis_changes_total",
        "times that a process met another server than before under Redis's name: a failover, a restart",
    ),
    Metric(
        "farmlokal_database_losses_total",
        "`connection`: ended, or was forgotten, under a statement that ran again on a new one; `commit`: had no answer,"
        " so that whether it took effect is for its sender to find out",
        Kind.COUNTER,
        "lost",
        ("connection", "commit"),
    ),
    Metric(
        "farmlokal_listing_reads_total",
        "statements of loads, where there are readers: answered by a reader, or by the writer, because what a load has"
        " to have seen was not known, or the readers lacked it, or did not answer; `reader-old`: by a reader whatever"
        " it had, because the writer did not answer, and not called fresh",
        Kind.COUNTER,
        "by",
        ("reader", "writer-unknown", "writer-behind", "writer-away", "reader-old"),
    ),
    Metric("farmlokal_database_pool_connections", "connections to the database", Kind.GAUGE, "state", ("used", "idle")),
    Metric("farmlokal_database_pool_waiting", "callers that wait for a connection", Kind.GAUGE),
    # The partner.
    Metric(
        "farmlokal_partner_calls_total",
        "calls to the partner's API by how they ended; refused by a guard of ours: `budget`, `breaker`, `bulkhead`",
        Kind.COUNTER,
        "result",
        ("succeeded", "failed", "budget", "breaker", "bulkhead"),
    ),
    Metric("farmlokal_partner_attempts_total", "attempts of those calls: requests that were sent"),
    Metric("farmlokal_partner_retry_budget", "retries that may be made now; NaN without a partner", Kind.GAUGE),
    Metric(
        "farmlokal_token_requests_total",
        "tokens asked for at the token endpoint, renewals too",
        Kind.COUNTER,
        "result",
        ("granted", "failed"),
    ),
    Metric("farmlokal_token_age_seconds", "age of the newest token; NaN without", Kind.GAUGE, merge=Merge.MIN),
    Metric("farmlokal_token_expires_in_seconds", "life left of it; NaN without", Kind.GAUGE, merge=Merge.MAX),
    Metric(
        "farmlokal_webhook_deliveries_total",
        "deliveries by effect; without one: `duplicate`, `conflict`, `dead`, `refused` (not signed, or not now)",
        Kind.COUNTER,
        "outcome",
        _WEBHOOK_OUTCOMES,
    ),
    Metric(
        "farmlokal_unknown_categories_total",
        "products of webhooks and of the feed whose category is not in the list, and became `other`",
        Kind.COUNTER,
        "source",
        ("webhook", "sync"),
    ),
    Metric(
        "farmlokal_webhook_inbox_events",
        "rows of the inbox, counted once a minute and up to 100,000",
        Kind.GAUGE,
        "state",
        ("done", "dead"),
        Merge.MAX,
    ),
    Metric(
        "farmlokal_sync_rows_total",
        "rows of the partner's feed by what became of them",
        Kind.COUNTER,
        "result",
        ("created", "updated", "unchanged", "outdated", "deleted", "rejected"),
    ),
    Metric(
        "farmlokal_sync_runs_total",
        "ends of a process's work on a run",
        Kind.COUNTER,
        "state",
        ("done", "failed", "interrupted"),
    ),
    Metric("farmlokal_sync_running", "processes at work on a run: 0 or 1", Kind.GAUGE),
    Metric(
        "farmlokal_sync_last_done_timestamp_seconds",
        "Unix time at which the last run was done, looked up once a minute; NaN before the first",
        Kind.GAUGE,
        merge=Merge.MAX,
    ),
    # The log of changes.
    Metric("farmlokal_changes_numbered_total", "changes of products that this process has numbered for mirrors"),
    Metric(
        "farmlokal_changes_pending",
        "rows of the outbox that have no number yet, counted once a minute",
        Kind.GAUGE,
        merge=Merge.MAX,
    ),
    Metric(
        "farmlokal_changes_lag_seconds",
        "age of the oldest of them, looked up once a minute; 0 without any",
        Kind.GAUGE,
        merge=Merge.MAX,
    ),
    # The processes.
    Metric("farmlokal_event_loop_lag_seconds", "how late the event loop woke a timer of 0.1 s", Kind.HISTOGRAM),
    Metric("farmlokal_event_loop_lag_max_seconds", "the worst of that in the last 10 s", Kind.GAUGE, merge=Merge.MAX),
    Metric(
        "farmlokal_rate_limit_refusals_total",
        "requests answered 429, by quota",
        Kind.COUNTER,
        "quota",
        ("default", "token"),
    ),
    Metric(
        "farmlokal_rate_limit_clients",
        "clients that are tracked now, by each process and quota; NaN without a limit",
        Kind.GAUGE,
    ),
    Metric(
        "farmlokal_rate_limit_shared",
        "1 while all processes hold one limit through Redis, 0 while one holds its own; NaN without Redis",
        Kind.GAUGE,
        merge=Merge.MIN,
    ),
    Metric("farmlokal_ready", "processes that are ready", Kind.GAUGE),
    Metric("farmlokal_workers", "processes that serve", Kind.GAUGE),
    BUILD_INFO,
)
BY_NAME = {metric.name: metric for metric in METRICS}
