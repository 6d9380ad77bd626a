"""CSV, and what passes for it: parted by commas, semicolons, tabs or bars, with or without `sep=` in front."""

from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

from farmlokal.catalog.imports.csv_rows import cell_rows, csv_cells
from farmlokal.catalog.imports.forms.headers import Header
from farmlokal.catalog.imports.forms.tables import HEAD_ROWS, NumberedCells, Table
from farmlokal.catalog.imports.lines import Line, Lines
from farmlokal.errors import InvalidRecord

DELIMITERS = (",", ";", "\t", "|")
_HEAD_BYTES = 256 * 1024


def delimited_tables(file: BinaryIO) -> list[Table]:
    """The ways to read `file`, UTF-8 text from where it stands: one for each delimiter, or the one that it says."""
    start = file.tell()
    head = file.read(_HEAD_BYTES)
    file.seek(start)
    said = _said_delimiter(head)
    return [_table(file, start, head, delimiter) for delimiter in ([said] if said else DELIMITERS)]


def _table(file: BinaryIO, start: int, head: bytes, delimiter: str) -> Table:
    rows: list[NumberedCells] = []
    lines = Lines(BytesIO(head))
    for line in lines:
        if len(rows) == HEAD_ROWS:
            break
        if line.blank or _is_delimiter_line(line):
            continue
        rows.append((line.number, _cells(line, lines, delimiter)))

    def after(index: int, header: Header) -> Iterator[NumberedCells]:
        file.seek(start)
        whole = Lines(file)
        for line in whole:
            if line.number == rows[index][0]:
                csv_cells(line, whole, None, delimiter)  # passes over all lines of the header
                break
        return cell_rows(whole, header.cells, delimiter)

    return Table(rows, after, delimiter=delimiter)


def _cells(line: Line, lines: Lines, delimiter: str) -> list[str] | InvalidRecord:
    try:
        return csv_cells(line, lines, None, delimiter)
    except InvalidRecord as fault:
        return fault


def _said_delimiter(head: bytes) -> str | None:
    line = next((line for line in Lines(BytesIO(head)) if not line.blank), None)
    return chr(line.raw.strip(b'" ')[4]) if line is not None and _is_delimiter_line(line) else None


def _is_delimiter_line(line: Line) -> bool:
    """Whether it is the line by which a spreadsheet program is told the delimiter: `sep=;`."""
    said = line.raw.strip(b'" ')
    return len(said) == len(b"sep=;") and said[:4].lower() == b"sep=" and chr(said[4]) in DELIMITERS
