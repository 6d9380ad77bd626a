"""Whether a file stops in the middle of a row, as a download that broke off does; told before anything is written.

A file that ends with a line break is taken as whole, and so is one whose last row has all its cells: a row that was
cut inside its last cell cannot be told from a whole one.
"""

import os
from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

import orjson

from farmlokal.catalog.imports.csv_rows import ROW_LINES_MAX, csv_cells
from farmlokal.catalog.imports.lines import END_OF_TEXT, LINE_BYTES_MAX, Lines
from farmlokal.errors import InvalidRecord


def ends_within_json(file: BinaryIO) -> bool:
    """Whether the last line of NDJSON starts an object that it does not end. `file` stays where it stands."""
    last = _unended_lines(file)[-1:]
    if not last or not last[0].lstrip().startswith(b"{"):
        return False
    try:
        orjson.loads(last[0])
    except orjson.JSONDecodeError:
        return True
    return False


def ends_within_csv(file: BinaryIO, columns: Sequence[str], delimiter: str = ",") -> bool:
    """Whether the last row of a CSV file lacks cells. `file` stays where it stands."""
    lines = _unended_lines(file)
    if not lines or not lines[-1].strip():
        return False
    # What looks like a piece may be the end of a row whose quoted cell holds line breaks.
    starts = range(len(lines) - 1, max(0, len(lines) - ROW_LINES_MAX) - 1, -1)
    return not any(_is_one_row(lines[start:], columns, delimiter) for start in starts)


def _unended_lines(file: BinaryIO) -> list[bytes]:
    """The last whole lines of the file, or none where it ends with a line break."""
    position = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - LINE_BYTES_MAX))
    tail = file.read().removesuffix(END_OF_TEXT)
    file.seek(position)
    if tail.endswith(b"\n"):
        return []
    lines = tail.split(b"\n")
    return lines if size <= LINE_BYTES_MAX else lines[1:]


def _is_one_row(physical: list[bytes], columns: Sequence[str], delimiter: str) -> bool:
    lines = Lines(BytesIO(b"\n".join(physical)))
    try:
        cells = csv_cells(next(lines), lines, None, delimiter)
    except InvalidRecord:
        return False
    return next(lines, None) is None and (len(cells) >= len(columns) or not any(cells))
