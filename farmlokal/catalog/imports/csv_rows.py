"""CSV rows with the line on which each starts; a row with a fault costs no other row."""

import csv
import re
from collections.abc import Iterator, Sequence
from io import StringIO

from farmlokal.catalog.imports.lines import EXCERPT_CHARS, LINE_BYTES_MAX, Line, Lines
from farmlokal.errors import Fault, InvalidRecord
from farmlokal.formats.text import plain_cell

# A quoted cell may hold line breaks. One that goes on for longer than this is a quote that somebody forgot to close.
ROW_LINES_MAX = 100
# Quotes, and what csv refuses outside of them.
_FOR_READER = re.compile('["\r\n\0]')


def csv_rows(lines: Lines, columns: Sequence[str]) -> Iterator[tuple[int, dict[str, str] | InvalidRecord]]:
    """Each row's first line number with its cells by column, or with what is wrong with it. Blank rows are skipped."""
    for number, cells in cell_rows(lines, columns):
        yield number, cells if isinstance(cells, InvalidRecord) else dict(zip(columns, cells, strict=True))


def cell_rows(
    lines: Lines, columns: Sequence[str], delimiter: str = ","
) -> Iterator[tuple[int, list[str] | InvalidRecord]]:
    """Each row's first line number with one cell for each of `columns`, or with what is wrong with it.

    Blank rows are skipped, and so are those of nothing but delimiters, which spreadsheets leave behind.
    """
    for line in lines:
        if line.blank:
            continue
        try:
            cells = csv_cells(line, lines, columns, delimiter)
        except InvalidRecord as fault:
            yield line.number, InvalidRecord(fault.faults, line.shown())
        else:
            if any(cells):
                yield line.number, cells


def csv_line(cells: Sequence[str]) -> str:
    """`cells` as one row of CSV, without a line break at its end."""
    written = StringIO()
    csv.writer(written, lineterminator="").writerow(cells)
    return written.getvalue()


def csv_cells(first: Line, lines: Lines, columns: Sequence[str] | None = None, delimiter: str = ",") -> list[str]:
    """The cells of the row that starts on `first`; `lines` gives the further lines that a quoted cell needs.

    Tabs and line breaks in a cell are layout, and come as blanks. With `columns`, the row must have as many cells;
    empty ones after the last, and none in a row of empty ones, do not count. Raises InvalidRecord, and puts the
    further lines back: after a stray quote, reading goes on with the very next line instead of losing every row up to
    the next quote.
    """
    taken = [first]
    try:
        cells = _split(taken, lines, delimiter)
        if columns is not None and len(cells) != len(columns):
            cells = _fitted(cells, columns)
    except csv.Error as error:
        lines.put_back(taken[1:])
        raise InvalidRecord([Fault("row", first.text()[:EXCERPT_CHARS], f"must be one CSV row ({error})")]) from error
    except InvalidRecord:
        lines.put_back(taken[1:])
        raise
    return cells


def _split(taken: list[Line], lines: Lines, delimiter: str) -> list[str]:
    text = taken[0].text()
    # Most rows have nothing for which it takes a reader, and one is made anew for each row.
    if text.isprintable() and '"' not in text:
        return text.split(delimiter)
    if not _FOR_READER.search(text):
        cells = text.split(delimiter)
    else:
        cells = next(csv.reader(_texts(taken, lines), strict=True, delimiter=delimiter))
    return [plain_cell(cell) for cell in cells]


def _texts(taken: list[Line], lines: Lines) -> Iterator[str]:
    """The text of `taken`, then of further lines, each added to `taken`: csv asks for them only inside quotes."""
    yield taken[0].text() + "\n"
    row_bytes = len(taken[0].raw)
    for line in lines:
        taken.append(line)
        row_bytes += len(line.raw)
        if len(taken) > ROW_LINES_MAX or row_bytes > LINE_BYTES_MAX:
            return
        try:
            text = line.text()
        except InvalidRecord:  # that line's own fault, reported when it is read again by itself
            return
        yield text + "\n"


def _fitted(cells: list[str], columns: Sequence[str]) -> list[str]:
    if not any(cells):
        return [""] * len(columns)
    if len(cells) < len(columns):
        raise InvalidRecord(
            [Fault(columns[len(cells)], "", f"must be given: the row has {len(cells)} of {len(columns)} cells")]
        )
    extra = next((cell for cell in cells[len(columns) :] if cell.strip()), None)
    if extra is not None:
        detail = f"must not be there: the header ends with {columns[-1]}"
        raise InvalidRecord([Fault(f"cell {len(columns) + 1}", extra[:EXCERPT_CHARS], detail)])
    return cells[: len(columns)]
