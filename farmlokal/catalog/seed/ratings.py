"""How customers rate products."""

from functools import cache
from math import exp, fsum

from farmlokal.catalog.seed.draws import slots

_UNRATED_SHARE = 0.3

# Ratings gather at 4.2 and fall off faster above than below, as they do where few bother to rate what was bad.
_PEAK = 4.2
_SPREAD_BELOW = 0.7
_SPREAD_ABOVE = 0.4
_FLOOR = 0.01  # beside 1 at the peak: so that even 1.0 is given now and then


@cache
def ratings() -> list[float | None]:
    """Slots of ratings: None, or 1.0 to 5.0 in tenths, so that a large catalogue has thousands of ties on each."""
    tenths = [tenth / 10 for tenth in range(10, 51)]
    weights = [_weight(rating) for rating in tenths]
    unrated = fsum(weights) * _UNRATED_SHARE / (1 - _UNRATED_SHARE)
    return slots([None, *tenths], [unrated, *weights])


def _weight(rating: float) -> float:
    spread = _SPREAD_BELOW if rating < _PEAK else _SPREAD_ABOVE
    return _FLOOR + exp(-(((rating - _PEAK) / spread) ** 2) / 2)
