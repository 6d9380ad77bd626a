"""Sorting and grouping in steps of about a millisecond each, for a process that has requests to answer in between."""

from collections import defaultdict
from collections.abc import Callable, Generator, Sequence
from heapq import merge
from itertools import islice
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

Steps = Generator[None, None, R]
"""Work that pauses between its steps, and returns what came of it."""

# So many rows take a millisecond or two: to be sorted, to be merged, and to be put into groups.
_SORTED, _MERGED, _GROUPED = 4096, 512, 4096


def in_order(rows: Sequence[Any], key: Callable[[Any], Any] | None = None) -> Steps[list[Any]]:
    """`sorted(rows, key=key)`."""
    pieces = []
    for start in range(0, len(rows), _SORTED):
        pieces.append(sorted(rows[start : start + _SORTED], key=key))
        yield
    merging, ordered = merge(*pieces, key=key), list[Any]()
    while piece := list(islice(merging, _MERGED)):
        ordered += piece
        yield
    return ordered


def grouped(rows: Sequence[T], key: Callable[[T], Any]) -> Steps[dict[Any, Sequence[T]]]:
    """The rows by their `key`, in each group in the order in which they come."""
    groups: dict[Any, list[T]] = defaultdict(list)
    for start in range(0, len(rows), _GROUPED):
        for row in rows[start : start + _GROUPED]:
            groups[key(row)].append(row)
        yield
    # Copies: a list that has grown has room for more, and of thousands of small groups that is a fifth.
    return {value: rows.copy() for value, rows in groups.items()}
