"""Rows of cells, whatever they were read from: CSV, a sheet, or a table of a web page."""

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from farmlokal.catalog.imports.forms.headers import Header
from farmlokal.errors import InvalidRecord

# A report's titles stand above its header; nobody has seen more than three of them.
HEAD_ROWS = 20

NumberedCells = tuple[int, list[str] | InvalidRecord]
"""A row's cells, or what is wrong with it, with the number of the line or of the sheet's row."""


class Table(NamedTuple):
    """One way to read a file, or one of its tables, as rows.

    head: the first rows that are not blank. after: gives the rows after the one of `head` with this index, each with as
    many cells as the header. where: which of the file's tables it is, for messages; empty where it is the only one.
    delimiter: what stands between cells; empty where they are kept apart by other means.
    """

    head: Sequence[NumberedCells]
    after: Callable[[int, Header], Iterator[NumberedCells]]
    where: str = ""
    delimiter: str = ""


def table_of(rows: Iterator[tuple[int, list[str]]], where: str) -> Table:
    """A table of rows that can be read once, and may be of different lengths."""
    full = ((number, cells) for number, cells in rows if any(cells))
    head = list(islice(full, HEAD_ROWS))

    def after(index: int, header: Header) -> Iterator[NumberedCells]:
        width = len(header.cells)
        for number, cells in chain(head[index + 1 :], full):
            kept = cells[:width]
            if any(kept):
                yield number, kept + [""] * (width - len(kept))

    return Table(head, after, where)
