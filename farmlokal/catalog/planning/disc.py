"""The cells that cover what lies within a radius: a disc's own range, to be read under any order."""

import math
from array import array
from typing import NamedTuple

from farmlokal.catalog.planning.quadtree import Node
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.planning.squares import (
    GAP_ROWS,
    SQUARE_ROWS,
    Square,
    Window,
    is_small_part,
    joined,
    squares_around,
)
from farmlokal.catalog.question.near import Nearby

# What holds more is not read as a whole under another order: the walk of that order meets enough of it.
_ROWS_MAX = 50_000
# The squares at the edge hold so small a part of all, at most, that looking through them in vain adds a sixth.
_PARTS = 128


class Disc(NamedTuple):
    """What covers a disc. ranges: of cells, each without its end. rows: the numbers of the sampled rows in it."""

    ranges: tuple[tuple[int, int], ...]
    rows: "array[int]"


def disc_around(near: Nearby, sample: Sample) -> Disc | None:
    """What covers the disc that `near` asks for; None where it asks for none, or for too much to be read as a whole."""
    if near.within is None:
        return None
    within, least = math.sqrt(near.within), max(1.0, SQUARE_ROWS * sample.share)
    rows, rows_before = len(sample.cells), math.inf
    squares: list[Square] = []
    # Cut again, and finer, for as long as much was beyond the edge: a disc at sea may touch the squares of a coast.
    while rows < rows_before / 2 and rows_before > least:
        rows_max = max(least, rows / _PARTS)

        def cut(node: Node, nearest: float, furthest: float, rows_max: float = rows_max) -> bool:
            return furthest > within and (node.rows > rows_max or is_small_part(node, nearest, furthest, within))

        squares = list(squares_around(sample.tree, near.cell, cut, Window(0, near.within)))
        rows, rows_before = sum(map(len, squares)), rows
    if rows > _ROWS_MAX * sample.share:
        return None
    ranges = joined([square[2:6] for square in squares], GAP_ROWS * sample.share)
    by_place = sample.by_place.numbers
    found = by_place[:0]
    for square in squares:
        found += by_place[square.start : square.stop]
    return Disc(tuple(ranges), found)
