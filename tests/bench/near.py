"""What pages near a place cost on a cold cache, beside rows by primary key, a SPATIAL index and GEOSEARCH."""

from collections.abc import Callable, Iterator
from functools import partial

from farmlokal.database.address import MySQLAddress
from tests.bench.cold import CONNECTIONS, cold_service
from tests.bench.figures import Figure, in_ms, ratio
from tests.bench.listing import REFERENCE
from tests.bench.near_beside import fill_geo_sets, make_spatial_table, search_by_index, search_by_redis
from tests.bench.near_questions import NEAR_FAMILIES, NearFamily, NearQuestion
from tests.bench.samples import Sample
from tests.bench.stand import Stand
from tests.bench.turns import Take, in_turns

# A database of the Redis server that nothing else of the benchmark uses.
_REDIS_DATABASE = 9
_OURS, _ROWS = "ours", "rows"
_BESIDE = {"index": "the nearest 21 by a SPATIAL index", "redis": "the nearest 21 by GEOSEARCH"}


def near(stand: Stand) -> Iterator[Figure]:
    """Median and p99 of pages near a place, nearest first; what is beside finds products and makes no page of them."""
    catalogue = stand.catalogue(stand.options.products)
    redis_url = stand.redis.url(_REDIS_DATABASE)
    make_spatial_table(catalogue)
    fill_geo_sets(catalogue, redis_url)
    asked = {name: family.questions(catalogue) for name, family in NEAR_FAMILIES.items()}
    targets = {name: [question.target() for question in questions] for name, questions in asked.items()}
    with cold_service(stand, catalogue, targets) as running:
        for name, family in NEAR_FAMILIES.items():
            takes: dict[str, Take] = {_OURS: partial(running.family, name), _ROWS: running.reference}
            if not family.deep:  # neither of the two can go on from a place in the order
                takes["index"] = partial(_take, stand, search_by_index, catalogue.address, asked[name])
                takes["redis"] = partial(_take, stand, search_by_redis, redis_url, asked[name])
            yield from _figures(name, family, in_turns(stand.options.rounds, takes))
    stand.redis.flush(_REDIS_DATABASE)


def _take(
    stand: Stand, search: Callable[..., Sample], where: MySQLAddress | str, questions: list[NearQuestion]
) -> Sample:
    return stand.run(search, where, questions, connections=CONNECTIONS, seconds=stand.options.seconds)


def _figures(name: str, family: NearFamily, taken: list[dict[str, Sample]]) -> Iterator[Figure]:
    goal = 5.0 if family.deep else 2.0 if family.of_category else 1.5
    medians = [(samples[_OURS].median_ms, samples[_ROWS].median_ms) for samples in taken]
    p99s = [(samples[_OURS].p99_ms, samples[_ROWS].p99_ms) for samples in taken]
    yield ratio(f"{name}: median", medians, REFERENCE, goal=f"<= {goal:g}", extra=in_ms(medians))
    yield ratio(f"{name}: p99", p99s, REFERENCE, better="smaller", extra=in_ms(p99s))
    # A few places may be dearer than most, and none by much.
    ratios = [
        (late / late_row, usual / usual_row) for (late, late_row), (usual, usual_row) in zip(p99s, medians, strict=True)
    ]
    yield ratio(f"{name}: p99's ratio", ratios, "the median's ratio", goal="<= 2")
    for beside, reference in _BESIDE.items():
        if beside in taken[0]:
            pairs = [(samples[_OURS].median_ms, samples[beside].median_ms) for samples in taken]
            yield ratio(f"{name} / {beside}", pairs, reference, better="smaller", extra=in_ms(pairs))
