"""`python -m tests.bench.hit_ratio [--json]`: what share of requests the memory tier answers, and what one look costs.

The tier that ships beside plain LRU, SIEVE and W-TinyLFU, all bounded by the same bytes, and the best that any cache
could do. The tables stand in docs/cache.md.
"""

import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

import orjson

from farmlokal.caching.memory import weight_of
from tests.bench.lookup_time import lookup_times_ns
from tests.bench.offline import belady_hits, bound_hits
from tests.bench.policies import ONLINE, Policy, entry_of, key_of
from tests.bench.traces import Trace, drift, mixed_sizes, scan, shift, zipf

# The room of the cache, as a share of what all pages that users ask for weigh together.
_ROOM_SHARES = (0.01, 0.1)
_TRACES: tuple[Callable[[], Trace], ...] = (
    *(partial(zipf, exponent) for exponent in (0.8, 0.99, 1.1)),
    *(partial(scan, visits=visits) for visits in (1, 2)),
    shift,
    drift,
    mixed_sizes,
)
BEST = "best possible"


@dataclass(frozen=True, slots=True)
class Row:
    """One trace against one size of cache: hits per request of a user, in percent, by policy."""

    trace: str
    room_share: float
    percent: dict[str, float]


def measure(trace: Trace, room_share: float) -> Row:
    """Ask every policy for the whole trace; the room is `room_share` of the weight of all pages that users ask for."""
    by_size = {size: weight_of(key_of(0), entry_of(size)) for size in set(trace.body_bytes)}
    weights = [by_size[size] for size in trace.body_bytes]
    bytes_max = int(sum(weights[: trace.users_pages]) * room_share)
    hits = {
        name: _hits(make(bytes_max, weights, trace.body_bytes), trace.requests, trace.users_pages)
        for name, make in ONLINE.items()
    }
    # Who knows the future keeps nothing of what a crawler asks for: the best is that of the users' requests alone.
    users_requests = trace.users_requests()
    best = belady_hits if len(by_size) == 1 else bound_hits
    hits[BEST] = best(users_requests, weights, bytes_max)
    return Row(trace.name, room_share, {name: 100 * count / len(users_requests) for name, count in hits.items()})


def _hits(policy: Policy, requests: list[int], users_pages: int) -> int:
    hits = 0
    for page in requests:
        if policy.ask(page) and page < users_pages:
            hits += 1
    return hits


def _measure(task: tuple[int, float]) -> Row:
    number, room_share = task
    return measure(_TRACES[number](), room_share)


def rows() -> list[Row]:
    """Every trace at every size, on all cores."""
    tasks = [(number, room_share) for number in range(len(_TRACES)) for room_share in _ROOM_SHARES]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        return list(processes.map(_measure, tasks))


def table(measured: list[Row], times_ns: dict[str, float]) -> str:
    """The figures as two Markdown tables; the best policy of each row is bold."""
    lines = [_line(("trace", "room", *measured[0].percent)), _line(("---", *["---:"] * (1 + len(measured[0].percent))))]
    for row in measured:
        shown = {name: f"{percent:.1f}" for name, percent in row.percent.items()}
        top = max((shown[name] for name in ONLINE), key=float)
        cells = (f"**{cell}**" if cell == top else cell for cell in shown.values())
        lines.append(_line((row.trace, f"{row.room_share:.0%}", *cells)))
    lines += ["", _line(("one look that hits", "ns")), _line(("---", "---:"))]
    lines += [_line((name, f"{time_ns:.0f}")) for name, time_ns in times_ns.items()]
    return "\n".join(lines) + "\n"


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str]) -> None:
    """Print the figures: as Markdown, or with `--json` as one JSON object."""
    times_ns, measured = lookup_times_ns(), rows()
    if "--json" in arguments:
        sys.stdout.write(orjson.dumps({"hit_percent": measured, "lookup_ns": times_ns}).decode() + "\n")
    else:
        sys.stdout.write(table(measured, times_ns))


if __name__ == "__main__":
    main(sys.argv[1:])
