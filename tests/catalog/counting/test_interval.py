"""The interval around so many hits in so many draws is the exact binomial one."""

import math
import random

import pytest

from farmlokal.catalog.counting.interval import CONFIDENCE, share_bounds


def chance(hits: range, draws: int, share: float) -> float:
    """The chance of a number of hits in `hits`, term by term."""
    return math.fsum(math.comb(draws, k) * share**k * (1 - share) ** (draws - k) for k in hits)


@pytest.mark.parametrize(("hits", "draws"), [(1, 10), (5, 10), (9, 10), (2, 100), (50, 100), (99, 100), (7, 700)])
def test_each_bound_leaves_half_of_what_is_left(hits: int, draws: int) -> None:
    """At the least share so many hits or more have half of the chance left; at the greatest so many or fewer."""
    low, high = share_bounds(hits, draws)
    half = (1 - CONFIDENCE) / 2
    assert half == pytest.approx(chance(range(hits, draws + 1), draws, low), rel=1e-6)
    assert half == pytest.approx(chance(range(hits + 1), draws, high), rel=1e-6)


def test_the_ends() -> None:
    """No hit leaves the least share open, and nothing but hits the greatest."""
    assert (0.0, 1 - 0.005 ** (1 / 40)) == pytest.approx(share_bounds(0, 40))
    assert (0.005 ** (1 / 40), 1.0) == pytest.approx(share_bounds(40, 40))
    assert (0.0, 1.0) == share_bounds(0, 0)


def test_hits_and_misses_mirror_each_other() -> None:
    """What is said of hits is said of misses; and more hits never mean less, at the size that samples have."""
    draw = random.Random(1)
    numbers = sorted({0, 1, 2, 3, 32_767, 32_768, *(draw.randrange(32_769) for _ in range(60))})
    bounds = [share_bounds(hits, 32_768) for hits in numbers]
    assert bounds == sorted(bounds)
    assert [1 - high for _, high in bounds] == pytest.approx(
        [share_bounds(32_768 - hits, 32_768)[0] for hits in numbers]
    )
    assert all(low <= hits / 32_768 <= high for hits, (low, high) in zip(numbers, bounds, strict=True))


@pytest.mark.parametrize("share", [0.0005, 0.02, 0.3, 0.97])
def test_it_holds_as_often_as_is_said(share: float) -> None:
    """The numbers of hits whose interval has a share come up under it often enough: summed, not tried."""
    draws = 400
    missed = [k for k in range(draws + 1) if not share_bounds(k, draws)[0] <= share <= share_bounds(k, draws)[1]]
    assert math.fsum(chance(range(k, k + 1), draws, share) for k in missed) <= 1 - CONFIDENCE
