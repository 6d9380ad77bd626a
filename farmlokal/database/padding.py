"""Lists of parameters in few lengths: then few statements differ by them, and each is prepared once."""

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")


def padded(values: Sequence[T], length_max: int | None = None) -> Sequence[T]:
    """The same values, and the last one again up to the next of few lengths: 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on.

    For conditions that hold for any of the values. length_max: the greatest length.
    """
    missing = _next_length(len(values), length_max) - len(values)
    return (*values, *[values[-1]] * missing) if missing else values


@lru_cache(2048)
def _next_length(length: int, length_max: int | None) -> int:
    power = 1 << (length - 1).bit_length()
    wanted = power * 3 // 4 if length <= power * 3 // 4 else power
    return wanted if length_max is None else max(length, min(wanted, length_max))
