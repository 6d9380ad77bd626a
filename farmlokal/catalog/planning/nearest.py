"""Walking outward from a point, or back inward: which cells to look through for the products that come next.

A round is one statement. It looks through squares in the order of their distance, and is certain of what it finds up to
where the next square begins: every product that is no further lies in a square that was looked through. That the sample
misjudges how many there are makes a round too wide or too narrow, and never its answer wrong; a further round goes on
where the one before was certain, and is twice as wide.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from farmlokal.catalog.places import VECTOR_LENGTH, squared_chord, vector_of
from farmlokal.catalog.planning.passed import Counting
from farmlokal.catalog.planning.quadtree import Node
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.planning.squares import (
    GAP_ROWS,
    SQUARE_ROWS,
    Part,
    Square,
    Window,
    is_small_part,
    joined,
    squares_around,
)
from farmlokal.catalog.question.forms import ID_MAX
from farmlokal.catalog.question.near import Nearby
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.question.storage import ID

# At a place with more than so many products they are read in the order of their ids: it is the order of the page there.
_CROWD_ROWS = 256
# A round is to find so many times as much as is missing: a statement costs as much as a thousand entries, and sampled
# rows are few in a small square. What passes filters is dear to look for.
_AMPLE, _AMPLE_FILTERED = 2, 1.5
# In a round, so that neither its planning nor its statement takes long.
_SQUARES_MAX = 1024
# No squared chord is as long.
_BEYOND = 4 * (VECTOR_LENGTH + 2) ** 2


class Crowd(NamedTuple):
    """A place with many products: its cell, and the squared chord to it."""

    cell: int
    squared: int


class Round(NamedTuple):
    """What one statement looks through.

    ranges: of cells, each without its end. crowds: places that are read by id, outside of `ranges`. position: what is
    looked for is past it; None from the beginning. until: the last squared chord that it is certain of.
    """

    ranges: tuple[tuple[int, int], ...]
    crowds: tuple[Crowd, ...]
    position: Position | None
    until: int


class _Held(NamedTuple):
    """A square to look through, and what is worked out of it once.

    rows: the sampled rows in it. crowd: the one place where these are, where they are many. first, last: the reach of
    its first and of its last point in the direction of the walk. first_root, last_root: the chords of these.
    """

    square: Square
    rows: int
    crowd: Crowd | None
    first: int
    last: int
    first_root: float
    last_root: float


class NearestWalk:
    """The rounds in which the products past a position are found, nearest first or, backward, furthest first.

    Distances are compared as *reach*: the squared chord outward, its negative inward, so that either way it grows.
    position: where the next round begins. exhausted: whether nothing is left for one.
    """

    def __init__(
        self,
        near: Nearby,
        position: Position | None,
        sample: Sample,
        wanted: int,
        passing: Counting | None = None,
        pass_share: float = 1.0,
        cost_max: float = math.inf,
    ) -> None:
        """Begin behind `position`. wanted: products that the page needs, one more than it shows.

        passing: counts the sampled rows of a square that pass the other filters; None without any. pass_share: of all
        products. cost_max: index entries that all rounds together may read.
        """
        self._near, self._sample, self._passing = near, sample, passing
        self._cut_rows = max(1.0, SQUARE_ROWS * sample.share)
        self._crowd_rows = _CROWD_ROWS * sample.share
        self._backward = position is not None and position.backward
        self._sign = -1 if self._backward else 1
        self.position = position
        most = _BEYOND if near.within is None else near.within
        if position is None:
            window = Window(0, most)
        elif self._backward:
            window = Window(0, min(most, int(position.value)))
        else:
            window = Window(int(position.value), most)
        self._last_reach = 0 if self._backward else most
        self._ample: float = _AMPLE if passing is None else _AMPLE_FILTERED
        self._within = math.inf if near.within is None else math.sqrt(near.within)
        rows = wanted * self._ample * sample.share / pass_share
        self._squares: Iterator[Square] = squares_around(
            sample.tree, near.cell, self._cut, window, outward=not self._backward, rows=rows
        )
        self._ahead = next(self._squares, None)
        self._held: list[_Held] = []
        # Passed and looked at so far; the share of all products has the weight of one more hit.
        self._hits, self._looked = 1.0, 1 / pass_share
        self._cost, self._cost_max = 0.0, cost_max
        self.exhausted = False

    def __repr__(self) -> str:
        return f"<NearestWalk near {self._near.point} from {self.position} exhausted={self.exhausted}>"

    def next_round(self, missing: int) -> Round | None:
        """The next round, for so many products; None when all was looked through, or this would cost too much.

        What comes then is past `position`.
        """
        if self.exhausted:
            return None
        start = self._start()
        wanted, judged = missing * self._ample, 0
        rows = sum([held.rows for held in self._held])
        while self._ahead is not None:
            first = self._first(self._ahead)
            # Up to the position every square has to be looked through; and nothing is certain without those that begin
            # at the point itself.
            if first > start and (first > 0 or self._backward):
                if len(self._held) >= _SQUARES_MAX:
                    break
                expected = rows / self._sample.share * self._pass_share()
                # Judged anew with every quarter more of them: that takes a look at every square.
                if expected >= wanted and len(self._held) >= judged * 1.25:
                    judged = len(self._held)
                    if self._expected(start, first - 1) >= wanted:
                        break
            rows += self._take(self._ahead, missing)
            self._ahead = next(self._squares, None)
            if self._cost > self._cost_max:
                return None
        until = self._last_reach if self._ahead is None else self._first(self._ahead) - 1
        self.exhausted = self._ahead is None
        found = self._round(start, until)
        self._held = [held for held in self._held if held.last > until]
        self.position = Position(abs(until), 0 if self._backward else ID_MAX, self._backward)
        self._ample *= 2
        return found

    def _cut(self, node: Node, nearest: float, furthest: float) -> bool:
        """Whether to cut a square: it holds many products at several places, or the disc is a small part of it."""
        if node.rows > self._cut_rows:
            return not node.single
        return is_small_part(node, nearest, furthest, self._within)

    def _start(self) -> int:
        return -1 if self.position is None else self._sign * int(self.position.value)

    def _first(self, square: Square) -> int:
        return -square.furthest if self._backward else square.nearest

    def _take(self, square: Square, missing: int) -> int:
        """Hold a square, and add what looking through it costs. Returns its number of sampled rows."""
        nearest, furthest, _, _, start, stop, _ = square
        rows, crowd = stop - start, self._crowd(square)
        root, far_root = math.sqrt(nearest), math.sqrt(furthest)
        if self._backward:
            self._held.append(_Held(square, rows, crowd, -furthest, -nearest, -far_root, -root))
        else:
            self._held.append(_Held(square, rows, crowd, nearest, furthest, root, far_root))
        entries = rows / self._sample.share
        if self._passing is not None and rows:
            self._hits += self._passing(square)
            self._looked += rows
        if crowd is not None:
            entries = min(entries, missing / self._pass_share())
        self._cost += entries
        return rows

    def _pass_share(self) -> float:
        return 1.0 if self._passing is None else self._hits / self._looked

    def _crowd(self, square: Square) -> Crowd | None:
        """The one place where all sampled rows of a square are, where these are many."""
        if square.stop - square.start <= self._crowd_rows or not square.single:
            return None
        cell = self._sample.cells[square.start]
        return Crowd(cell, squared_chord(self._near.origin, vector_of(cell)))

    def _expected(self, start: int, until: int) -> float:
        """How many products past `start` and up to `until` should pass in the squares that are held."""
        rows, start_root, until_root = 0.0, _root(start), _root(until)
        for square, in_square, crowd, _, _, first, last in self._held:
            if crowd is not None:
                reach = self._sign * crowd.squared
                if reach <= until and reach >= start:
                    rows += self._left_of_crowd(square, at_start=reach == start)
            elif in_square:
                begin = max(start_root, first)
                end = min(until_root, last)
                if end > begin:
                    rows += in_square * (end - begin) / (last - first)
        return rows / self._sample.share * self._pass_share()

    def _left_of_crowd(self, square: Square, *, at_start: bool) -> float:
        """How many sampled rows of a crowd are past the position, which may stand among them."""
        if not at_start or self.position is None:
            return len(square)
        # In one cell rows are in the order of their numbers, which is that of their ids.
        rows, number = self._sample.by_place.numbers, bisect_left(self._sample.columns[ID.name].codes, self.position.id)
        begin = bisect_left(rows, number, square.start, square.stop)
        return begin - square.start if self._backward else square.stop - begin

    def _round(self, start: int, until: int) -> Round:
        parts: list[Part] = []
        crowds: list[Crowd] = []
        for square, _, crowd, first, last, _, _ in self._held:
            if last < start or first > until:
                continue
            if crowd is None:
                parts.append(square[2:6])
                continue
            _, _, first_cell, end, begin, stop, _ = square
            # The rows between them are those of the crowd.
            parts += [(first_cell, crowd.cell, begin, begin), (crowd.cell + 1, end, stop, stop)]
            reach = self._sign * crowd.squared
            if reach <= until and reach >= start:
                crowds.append(crowd)
        ranges = joined(parts, GAP_ROWS * self._sample.share)
        return Round(tuple(ranges), tuple(crowds), self.position, abs(until))


def _root(reach: int) -> float:
    """The chord of a reach, with its sign: squares are passed through at the pace of it."""
    return math.copysign(math.sqrt(abs(reach)), reach)
