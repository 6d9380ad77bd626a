"""A comparison is decided by how sure it is, not by one number."""

import random

import pytest

from tests.bench.bootstrap import compare_rates


def _rounds(ratio: float, noise: float, *, count: int = 24, seed: int = 1) -> list[tuple[float, float]]:
    """Rounds in which what disturbs both is large, and what disturbs each by itself is `noise`."""
    draw = random.Random(seed)

    def round_() -> tuple[float, float]:
        both = draw.uniform(500, 1500)
        return both * ratio * draw.gauss(1, noise), both * draw.gauss(1, noise)

    return [round_() for _ in range(count)]


@pytest.mark.parametrize("seed", range(10))
def test_the_same_program_is_no_regression(seed: int) -> None:
    """Two samples of one program with noise of a twentieth are never told apart."""
    assert compare_rates(_rounds(1.0, 0.05, seed=seed)).verdict != "regression"


@pytest.mark.parametrize("seed", range(10))
def test_a_slower_program_is_a_regression(seed: int) -> None:
    """A third less is seen through the same noise, however fast the machine was in each round."""
    assert compare_rates([(1000 * a / b, 1000) for a, b in _rounds(0.67, 0.05, seed=seed)]).verdict == "regression"


def test_what_is_within_the_noise_is_not_sure() -> None:
    """Where the interval holds the margin, neither is claimed."""
    assert compare_rates([(70.0, 100.0), (120.0, 100.0)] * 4).verdict is None


def test_the_interval_holds_the_ratio() -> None:
    """The ratio of the medians lies within the interval, which is as wide as the rounds differ."""
    compared = compare_rates([(90.0, 100.0), (95.0, 100.0), (100.0, 100.0)] * 3)
    assert compared.low <= compared.ratio <= compared.high
    assert (0.9, 1.0) == (compared.low, compared.high)


def test_without_a_round_nothing_is_compared() -> None:
    """There is no answer from nothing."""
    with pytest.raises(ValueError, match="nothing was measured"):
        compare_rates([])
