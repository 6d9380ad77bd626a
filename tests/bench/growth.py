"""Whether ten times the products cost more."""

from collections.abc import Iterator
from functools import partial
from math import sqrt
from statistics import median

from tests.bench.cold import cold_service
from tests.bench.families import FAMILIES
from tests.bench.figures import Figure, ratio
from tests.bench.listing import paired
from tests.bench.stand import Stand

_FACTOR = 10
_GOAL = "<= 1.3"
# Here the price range grows with the catalogue, so that it stays the worst there is: √(limit · N) entries. By name each
# name's own range is read, and there are no more names.
_GOALS = {
    "mid-selectivity price range, newest": f"<= {sqrt(_FACTOR):.2f}",
    "mid-selectivity price range, by name": "<= 1.5",
}


def growth(stand: Stand) -> Iterator[Figure]:
    """The median of each family to that on a tenth of the catalogue, two services side by side."""
    products = stand.options.products
    small, large = stand.catalogue(products // _FACTOR), stand.catalogue(products)
    with cold_service(stand, small) as on_small, cold_service(stand, large) as on_large:
        for name in FAMILIES:
            pairs = paired(
                stand.options.rounds,
                partial(on_large.family, name),
                partial(on_small.family, name),
            )
            medians = [(one.median_ms, other.median_ms) for one, other in pairs]
            yield ratio(
                f"{products // _FACTOR:,} to {products:,}: {name}",
                medians,
                f"the same on {products // _FACTOR:,} products",
                goal=_GOALS.get(name, _GOAL),
                extra={"ms": round(median(one for one, _ in medians), 2)},
            )
