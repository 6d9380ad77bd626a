"""The cells that cover what lies within a radius: a disc's own range, to be read under any order."""

import math
from typing import NamedTuple

from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.planning.squares import SQUARE_ROWS, Square, Window, joined, small_part, squares_around
from farmlokal.catalog.question.near import Nearby
from farmlokal.catalog.question.storage import Rows

# What holds more is not read as a whole under another order: the walk of that order meets enough of it.
_ROWS_MAX = 50_000
# The squares at the edge hold so small a part of all, at most, that looking through them in vain adds a sixth.
_PARTS = 128


class Disc(NamedTuple):
    """What covers a disc. ranges: of cells, each without its end. rows: the sampled rows in it."""

    ranges: tuple[tuple[int, int], ...]
    rows: Rows


def disc_around(near: Nearby, sample: Sample) -> Disc | None:
    """What covers the disc that `near` asks for; None where it asks for none, or for too much to be read as a whole."""
    if near.within is None:
        return None
    within, least = near.within, max(1.0, SQUARE_ROWS * sample.share)
    rows, rows_before = len(sample.cells), math.inf
    squares: list[Square] = []
    # Cut again, and finer, for as long as much was beyond the edge: a disc at sea may touch the squares of a coast.
    while rows < rows_before / 2 and rows_before > least:
        rows_max = max(least, rows / _PARTS)

        def cut(square: Square, rows_max: float = rows_max) -> bool:
            return square.furthest > within and (len(square) > rows_max or small_part(square, within))

        squares = list(squares_around(near.cell, sample.cells, cut, Window(0, within)))
        rows, rows_before = sum(map(len, squares)), rows
    if rows > _ROWS_MAX * sample.share:
        return None
    ranges = joined([(square.first, square.end) for square in squares])
    found = [row for square in squares for row in sample.by_place[square.start : square.stop]]
    return Disc(tuple(ranges), found)
