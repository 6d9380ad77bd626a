"""Rows of market prices as a file has them, whatever its form, and a place on disk to read them twice from."""

from collections.abc import Iterator, Sequence
from tempfile import TemporaryFile
from types import TracebackType
from typing import NamedTuple, Self

import orjson

from farmlokal.catalog.imports.csv_rows import csv_line
from farmlokal.errors import Fault, InvalidRecord


class MarketRow(NamedTuple):
    """One market's price of one variety on one day, in the words of the file.

    unit: what the prices are for, where the form says so (`Rs./Quintal`)
    """

    state: str
    district: str
    market: str
    commodity: str
    variety: str
    grade: str
    arrival_date: str
    min_price: str
    max_price: str
    modal_price: str
    unit: str = ""


def shown_row(cells: Sequence[str]) -> str:
    """The cells of a MarketRow as one row of CSV, for people: without the unit where the file has none."""
    return csv_line(cells if cells[-1] else cells[:-1])


NumberedRow = tuple[int, MarketRow | InvalidRecord]
"""A row with the number of the line on which it starts."""


class Spool:
    """Rows on disk, since the whole file decides some things before the first of them becomes a product."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 (closed when the spool is left)
        self.rows = 0

    def __repr__(self) -> str:
        return f"<Spool rows={self.rows}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, number: int, row: MarketRow) -> bytes:
        """Keep a row. Returns its cells as JSON."""
        said = orjson.dumps(list(row))
        self._file.write(b"[%d,null,%b]\n" % (number, said))
        self.rows += 1
        return said

    def add_bad(self, number: int, row: InvalidRecord) -> None:
        """Keep what is wrong with a row."""
        self._file.write(orjson.dumps([number, row.row, [list(fault) for fault in row.faults]]) + b"\n")
        self.rows += 1

    def __iter__(self) -> Iterator[NumberedRow]:
        """The rows from the first on."""
        self._file.seek(0)
        for line in self._file:
            number, bad_row, said = orjson.loads(line)
            if bad_row is None:
                yield number, MarketRow._make(said)
            else:
                yield number, InvalidRecord([Fault(*fault) for fault in said], bad_row)
