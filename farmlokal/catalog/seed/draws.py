"""Turning 16 uniform random bits, a draw, into any distribution by one table look-up."""

from collections.abc import Iterable, Sequence
from itertools import accumulate
from math import exp
from statistics import NormalDist
from typing import TypeVar

DRAWS = 2**16
"""How many values a draw has, and so how long every table of slots is."""

QUANTILES = 1024
"""Steps of a quantile table: fine enough that rounding to whole rupees hides them, small enough for one per crop."""

QUANTILE_SHIFT = 6
"""A draw shifted right by this many bits is an index of a quantile table."""

_T = TypeVar("_T")

# The standard normal distribution at the middle of each step; the outermost lie 3.3 standard deviations out.
_Z = tuple(NormalDist().inv_cdf((step + 0.5) / QUANTILES) for step in range(QUANTILES))


def draws_of_share(share: float) -> int:
    """How many values of a draw make up `share` (0 to 1): being below the result has this probability."""
    return round(share * DRAWS)


def slots(items: Sequence[_T], weights: Iterable[float]) -> list[_T]:
    """A table in which a draw finds each of `items` as often as its weight says.

    The list has one slot for each value of a draw; every item gets its exact share, rounded at its two ends. Items
    may be fewer than `DRAWS`, weights any positive numbers.
    """
    bounds = list(accumulate(weights))
    table: list[_T] = []
    for item, bound in zip(items, bounds, strict=True):
        table += [item] * (round(bound / bounds[-1] * DRAWS) - len(table))
    return table


def lognormal_quantiles(median: float, sigma: float) -> list[float]:
    """The log-normal distribution with this median as a quantile table, smallest first.

    `sigma` is the standard deviation of the natural logarithm.
    """
    return [median * exp(sigma * z) for z in _Z]
