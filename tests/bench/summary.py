"""What summaries cost on a cold cache, beside rows by primary key, and their hits beside the listing's."""

import random
from collections.abc import Iterator
from functools import partial

from farmlokal.catalog.question.query import escaped
from farmlokal.web.parameters.summary import PATH
from tests.bench.cold import cold_service
from tests.bench.families import FAMILIES, queries_of
from tests.bench.figures import Figure, in_ms, ratio
from tests.bench.listing import REFERENCE
from tests.bench.samples import Sample
from tests.bench.stand import Catalogue, Stand
from tests.bench.suggest import hits_beside_listing
from tests.bench.turns import Take, in_turns

# By the family of the listing with the same filters. The first three are counted, as far as a district is small enough;
# of some 100,000 products and more the last two are estimated, of fewer they read up to the limit.
SUMMARY_FAMILIES = {
    "summary of a farm": "farm",
    "summary of a rare price range": "rare price range, newest",
    "summary of a district": "district",
    "summary of a category and price range": "category and price range, newest",
    "summary of an open price range": "open price range, falling price",
}
_OURS, _ROWS = "ours", "rows"


def summary(stand: Stand) -> Iterator[Figure]:
    """Median and p99 of summaries that are counted and that are estimated; requests a second for one from memory."""
    catalogue = stand.catalogue(stand.options.products)
    targets = {name: _targets(catalogue, family) for name, family in SUMMARY_FAMILIES.items()}
    with cold_service(stand, catalogue, targets) as running:
        for name in targets:
            takes: dict[str, Take] = {_OURS: partial(running.family, name), _ROWS: running.reference}
            yield from _figures(name, in_turns(stand.options.rounds, takes))
    yield hits_beside_listing(stand, "memory hit of a summary", f"{PATH}?category=fruits")


def _targets(catalogue: Catalogue, family: str) -> list[str]:
    queries = queries_of(catalogue, FAMILIES[family], random.Random(1))
    return list(dict.fromkeys([f"{PATH}?{escaped(query.filters.texts())}" for query in queries]))


def _figures(name: str, taken: list[dict[str, Sample]]) -> Iterator[Figure]:
    medians = [(samples[_OURS].median_ms, samples[_ROWS].median_ms) for samples in taken]
    p99s = [(samples[_OURS].p99_ms, samples[_ROWS].p99_ms) for samples in taken]
    yield ratio(f"{name}: median", medians, REFERENCE, better="smaller", extra=in_ms(medians))
    yield ratio(f"{name}: p99", p99s, REFERENCE, better="smaller", extra=in_ms(p99s))
