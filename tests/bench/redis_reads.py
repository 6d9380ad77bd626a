"""How often many processes ask one Redis: `python -m tests.bench.redis_reads` prints the table of docs/scaling.md.

Popularity is Zipf's with exponent 0.99, over so many pages. A process has a memory tier that holds what it is asked
for, and asks Redis for a page when its fresh time is over: twice at most, once to find the old entry and once for the
new one. So it makes two reads for each page that it was asked for at all within the fresh time.
"""

from collections.abc import Iterator
from math import exp

PAGES, EXPONENT = 100_000, 0.99
PAGE_BYTES = 7_500  # twenty products
HELD_BYTES = 12_000  # in memory, with a second coding and the objects around it
# Of one core of Redis, for a hit: measured by `make bench ARGS="--only scaling"`.
REDIS_US = 5
READS_EACH = 2
# Requests a second, machines, processes on each, fresh time in seconds.
ROWS = (
    (50_000, 1, 2, 30),
    (150_000, 3, 2, 30),
    (1_000_000, 20, 2, 30),
    (1_000_000, 20, 2, 60),
    (1_000_000, 20, 2, 300),
    (1_000_000, 20, 8, 30),
    (1_000_000, 20, 8, 300),
)
_HEAD = (
    "| requests a second | machines | processes | fresh time, s | pages in memory, MiB per process |"
    " reads a second | of the requests | of one Redis core | Gbit/s |"
)


def distinct_pages(requests_per_s: float, seconds: float) -> float:
    """How many pages a process is asked for in so many seconds, of a stream of independent requests."""
    weights = [1 / rank**EXPONENT for rank in range(1, PAGES + 1)]
    asked = requests_per_s * seconds / sum(weights)
    return sum(1 - exp(-asked * weight) for weight in weights)


def table() -> Iterator[str]:
    """The lines."""
    yield _HEAD
    yield "|" + " ---: |" * _HEAD.count(" |")
    for requests_per_s, machines, each, fresh_s in ROWS:
        processes = machines * each
        distinct = distinct_pages(requests_per_s / processes, fresh_s)
        reads_per_s = READS_EACH * processes * distinct / fresh_s
        cells = (
            f"{requests_per_s:,}",
            f"{machines}",
            f"{each}",
            f"{fresh_s}",
            f"{distinct * HELD_BYTES / 2**20:.0f}",
            f"{reads_per_s:,.0f}",
            f"{reads_per_s / requests_per_s:.0%}",
            f"{reads_per_s * REDIS_US / 1e6:.0%}",
            f"{reads_per_s * PAGE_BYTES * 8 / 1e9:.1f}",
        )
        yield f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    print("\n".join(table()))  # noqa: T201 - a program of its own
