"""What a random sample says of a whole: exact binomial intervals (Clopper and Pearson, Biometrika 26, 1934).

The interval around *k* hits in *n* draws has every share of the whole under which neither so few hits nor so many would
be unlikely. It keeps its word whatever the share is, and where nothing was hit; "± two standard errors" does not.
"""

import math
from functools import lru_cache

# Of a hundred intervals, one may miss. They are stated to hold in 95: a question is estimated because of what the same
# sample shows, and its commonest values are picked by it, and both favour what is a little off.
CONFIDENCE = 0.99
# Of the logarithm of a bound's odds: a product in a million. The method that stops there has come much closer.
_PRECISION = 1e-6
# A further term that is so small a part of the sum before it changes nothing.
_NOTHING = 1e-12
# So many standard errors from the middle a bound lies where a normal curve is a good likeness: a beginning.
_ERRORS_TO_BOUND = 2.576
# No sample has more different numbers of hits by far; it is drawn anew every few minutes.
_KEPT_MAX = 16_384


@lru_cache(_KEPT_MAX)
def share_bounds(hits: int, draws: int) -> tuple[float, float]:
    """The least and the greatest share of a whole that agrees with so many hits in so many random draws of it."""
    return 0.0 if hits == 0 else _bound(hits, draws, greatest=False), (
        1.0 if hits == draws else _bound(hits, draws, greatest=True)
    )


def _bound(hits: int, draws: int, *, greatest: bool) -> float:
    """The share under which so many hits or fewer, or else so many or more, have half of the chance that is left.

    Newton's method on the logarithm of that chance over the logarithm of the odds. It is concave, since truncating a
    binomial distribution lessens its variance: the method comes to one side of the root in one step, wherever it
    begins, and from there to the root without passing it.
    """
    log_tail = math.log((1 - CONFIDENCE) / 2)
    log_ways = math.lgamma(draws + 1) - math.lgamma(hits + 1) - math.lgamma(draws - hits + 1)
    hit, missed = hits + 0.5, draws - hits + 0.5
    error = math.sqrt(1 / hit + 1 / missed)
    log_odds = math.log(hit / missed) + (_ERRORS_TO_BOUND if greatest else -_ERRORS_TO_BOUND) * error
    while True:
        odds = math.exp(log_odds)
        log_chance = log_ways + hits * log_odds - draws * math.log1p(odds)
        if greatest:
            total = _tail(hits, draws - hits, 1 / odds)
            slope = -(draws - hits) * odds / (1 + odds) / total
        else:
            total = _tail(draws - hits, hits, odds)
            slope = hits / (1 + odds) / total
        step = (log_chance + math.log(total) - log_tail) / slope
        log_odds -= step
        if abs(step) < _PRECISION:
            return 1 / (1 + math.exp(-log_odds))


def _tail(left: int, done: int, odds: float) -> float:
    """The chance of a number of hits or of any beyond it, in units of the first.

    left, done: the draws that could still be hits or, counted downward, misses, and those that are.
    """
    total = term = 1.0
    while left and term > total * _NOTHING:
        done += 1
        term *= left / done * odds
        total += term
        left -= 1
    return total
