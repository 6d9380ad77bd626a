"""What `/suggest` takes: one completion beside looking its text up in a dictionary, and hits beside the listing's."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from statistics import median

from tests.bench.answers import expect
from tests.bench.cores import share_cores
from tests.bench.figures import Figure, ratio
from tests.bench.hot import LASTING, PAGE
from tests.bench.service_process import running_service
from tests.bench.stand import Stand
from tests.bench.suggest_times import SuggestTimes, suggest_times
from tests.bench.turns import Take, in_turns, rates, told
from tests.bench.wrk import CONNECTIONS, run_wrk

# By the number of names, the most milliseconds that a completion should take.
_MS_MAX = {1_000: 1, 50_000: 5}
_LOOKUP = "a look-up of the same text in a dictionary"
_TYPED = "/suggest?q=tom"
_LISTING = "memory hit of the listing"


def suggest(stand: Stand) -> Iterator[Figure]:
    """A completion in the process, by 1,000 names and by 50,000; requests a second for one from memory."""
    for names, ms_max in _MS_MAX.items():
        yield from _completions(names, ms_max, [stand.run(suggest_times, names) for _ in range(stand.options.rounds)])
    yield hits_beside_listing(stand, "memory hit of /suggest", _TYPED)


def _completions(names: int, ms_max: int, rounds: list[SuggestTimes]) -> Iterator[Figure]:
    name = f"completion, {names:,} names"
    p99s_ms = [round(one.p99_us / 1000, 3) for one in rounds]
    absolute = {"median_ms": round(median(one.median_us for one in rounds) / 1000, 3), "p99_ms": median(p99s_ms)}
    for what, times_us in (("median", [one.median_us for one in rounds]), ("p99", [one.p99_us for one in rounds])):
        pairs = [(time_us, one.lookup_us) for time_us, one in zip(times_us, rounds, strict=True)]
        yield ratio(f"{name}: {what}", pairs, _LOOKUP, better="smaller", extra=absolute)
    yield Figure(
        f"{name}: p99 in ms",
        median(p99s_ms),
        min(p99s_ms),
        max(p99s_ms),
        "a millisecond of processor time",
        goal=f"<= {ms_max}",
        unit="ms",
    )


def hits_beside_listing(stand: Stand, name: str, asked: str) -> Figure:
    """Requests a second for `asked` from memory, beside those for a page of the listing."""
    cores = share_cores()
    url = stand.catalogue(stand.options.products).url
    with ExitStack() as servers:
        running = running_service(url, {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING}, cores=cores.service)
        port = servers.enter_context(running).port
        targets = {name: asked, _LISTING: PAGE}
        body_bytes = {which: len(expect(port, target).body) for which, target in targets.items()}
        takes: dict[str, Take] = {
            which: partial(run_wrk, port, [target], seconds=stand.options.seconds, cores=cores.load)
            for which, target in targets.items()
        }
        in_turns(1, takes)  # warms up
        taken = in_turns(stand.options.rounds, takes)
    extra = told(taken, name) | {
        "reference_per_s": told(taken, _LISTING)["per_s"],
        "body_bytes": body_bytes[name],
        "connections": CONNECTIONS,
        "cores": str(cores),
    }
    return ratio(name, rates(taken, name, _LISTING), _LISTING, goal=">= 0.8", extra=extra)
