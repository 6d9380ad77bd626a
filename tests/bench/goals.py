"""What the service is to reach, and which figures tell whether it does."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.bench.figures import Figure


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: in words, and the group and the words in the names of the figures that it is measured by."""

    words: str
    group: str
    names: tuple[str, ...]

    def figures(self, figures: Sequence[Figure]) -> list[Figure]:
        """The figures that tell."""
        return [
            figure
            for figure in figures
            if figure.group == self.group and figure.goal and all(name in figure.name for name in self.names)
        ]


_HIT = "memory hit, 1 worker, 32 connections, metrics on"
_NEAR = "cold listing by distance, the worst family"
_WORDS = "cold listing in words, the worst family"
GOALS = (
    Goal(f"{_HIT}, rate limit off ÷ nginx", "hot", ("memory hit / nginx",)),
    Goal(f"{_HIT}, rate limit off ÷ plain aiohttp handler", "hot", ("memory hit / plain",)),
    Goal(f"{_HIT}, rate limit on ÷ nginx", "hot", ("rate limit on / nginx",)),
    Goal("memory hit, every request with a proxy's fields of its own ÷ nginx", "hot", ("as proxies ask / nginx",)),
    Goal("the same through nginx with keep-alive ÷ nginx through nginx", "front", ("through nginx",)),
    Goal("the same by the processor time of proxy and server", "front", ("processor time",)),
    Goal("304 answers ÷ the identity figure", "hot", ("304 answer",)),
    Goal("gzip'd answers ÷ the identity figure", "hot", ("gzip'd answer",)),
    Goal("memory hit, 3 workers ÷ 1 worker, load from one core", "workers", ("memory hit, 3 workers",)),
    Goal("the same, hot path off", "workers", ("hot path off, 3 workers",)),
    Goal("Redis hit, 1 worker, 32 connections ÷ plain aiohttp handler", "redis", ("redis hit",)),
    Goal("Redis hit on a Redis Cluster ÷ on one Redis", "scaling", ("a cluster",)),
    Goal("3 instances ÷ 1 instance, by processor time", "scaling", ("3 instances",)),
    Goal("a miss with Redis, the service's processor time ÷ a miss without", "time", ("a miss with Redis",)),
    Goal("a miss with a causal check ÷ a miss at the writer", "causal", ("causal check",)),
    Goal("memory hit, a page of 100 products ÷ nginx", "pages", ("page of 100",)),
    Goal("memory hit, 512 connections, p99 ÷ p50", "connections", ("memory hit, 512 connections: p99",)),
    Goal("cold cache, 2,000 URLs, first 5 s ÷ warm", "burst", ("rate",)),
    Goal("cold cache, p99 ÷ warm p50", "burst", ("p99",)),
    Goal("start with one worker to the first page, in s", "start", ("to the first page",)),
    Goal("a worker with 64 MiB of cache, full, in MB", "memory", ("64 MiB",)),
    Goal("cold listing, the worst family, median ÷ 20 rows by primary key", "families", (": median",)),
    Goal("cold listing, the worst family, p99 ÷ 20 rows by primary key", "families", (": p99",)),
    Goal(f"{_NEAR}, page 1, median ÷ 20 rows by primary key", "near", ("nearest, page 1", ": median")),
    Goal(f"{_NEAR}, page 1 of a category, the same", "near", ("nearest of a category, page 1", ": median")),
    Goal(f"{_NEAR}, a deep page, the same", "near", (", deep", ": median")),
    Goal(f"{_NEAR}, p99's ratio ÷ the median's", "near", (": p99's ratio",)),
    Goal(f"{_WORDS}, median ÷ 20 rows by primary key", "search", (": median",)),
    Goal(f"{_WORDS}, p99 ÷ 20 rows by primary key", "search", (": p99",)),
    Goal("memory hit of /suggest ÷ of the listing", "suggest", ("memory hit",)),
    Goal("a completion by 1,000 names, p99 in ms", "suggest", ("1,000 names: p99 in ms",)),
    Goal("a completion by 50,000 names, p99 in ms", "suggest", ("50,000 names: p99 in ms",)),
    Goal("memory hit of a summary ÷ of the listing", "summary", ("memory hit",)),
    Goal("new webhook events, 32 at once, rate ÷ an INSERT and an UPDATE", "webhooks", ("new events: rate",)),
    Goal("the same, p99", "webhooks", ("new events: p99",)),
    Goal("duplicate events, rate ÷ an INSERT and an UPDATE", "webhooks", ("duplicate events: rate",)),
    Goal("first sync ÷ executemany", "syncs", ("every one new",)),
    Goal("sync of unchanged rows ÷ executemany", "syncs", ("every one unchanged",)),
    Goal("import of new rows, the slower format ÷ LOAD DATA", "bulk", ("import",)),
    Goal("seed ÷ LOAD DATA", "bulk", ("seed",)),
    Goal("bulk load ÷ before near and search", "earlier", ("bulk load",)),
    Goal("upserts, the same", "earlier", ("upserts",)),
    Goal("bytes, the same", "earlier", ("size",)),
    Goal("half of peak, p99 ÷ p50", "soak", ("p99",)),
    Goal("half of peak, p99 ÷ p50, ÷ nginx's own", "soak", ("tail beside nginx's",)),
    Goal("half of peak, rate ÷ the schedule's", "soak", ("rate",)),
    Goal("half of peak, memory at the end ÷ half-way", "soak", ("memory",)),
    Goal("half of peak, errors", "soak", ("errors",)),
)


def reached(figures: Sequence[Figure]) -> Iterator[tuple[Goal, Figure]]:
    """Each goal that was measured, with the figure that is furthest from it."""
    for goal in GOALS:
        telling = goal.figures(figures)
        if telling:
            smaller = telling[0].better == "smaller"
            yield goal, (max if smaller else min)(telling, key=lambda figure: figure.value)
