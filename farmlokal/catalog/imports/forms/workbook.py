"""Workbooks (XLSX): the cells of their sheets as text, read row by row.

What a small file can grow to is limited before it is unpacked, by what its own directory declares: that is also the
most that the zip module reads of a part.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import Any, BinaryIO
from zipfile import BadZipFile, ZipFile
from zlib import error as zlib_error

from farmlokal.catalog.imports.forms.tables import Table, table_of
from farmlokal.errors import ImportRefused
from farmlokal.formats.text import plain_cell

UNPACKED_BYTES_MAX = 2 * 1024**3  # of a million rows of ten cells about a fifth
# The texts of all cells, which are held in memory: three to four times as much there.
TEXTS_BYTES_MAX = 64 * 1024**2
ROWS_MAX = 1_048_576  # what a sheet has at most in the programs that write them
COLUMNS_MAX = 256
CELL_CHARS_MAX = 32_767  # the same programs' limit
_TEXTS = "xl/sharedStrings.xml"
_WORKBOOK = "xl/workbook.xml"
# What broken ones make the libraries raise: some of it stands for no rule of theirs.
_UNREADABLE = (
    *(BadZipFile, zlib_error, OSError, EOFError, NotImplementedError, RuntimeError),
    *(SyntaxError, KeyError, ValueError, TypeError, IndexError, AttributeError),
)


def is_workbook(file: BinaryIO) -> bool:
    """Whether `file`, a ZIP archive, is a workbook. It stays where it stands."""
    position = file.tell()
    try:
        with ZipFile(file) as archive:
            return _WORKBOOK in archive.namelist()
    except _UNREADABLE:
        return False
    finally:
        file.seek(position)


@contextmanager
def workbook_tables(file: BinaryIO) -> Iterator[Sequence[Table]]:
    """The visible sheets of a workbook that hold anything. Raises ImportRefused, also while rows are read."""
    _check_sizes(file)
    # It takes a tenth of a second, which every command would pay.
    from openpyxl import load_workbook

    try:
        with warnings.catch_warnings():
            # Of what it leaves out: colours, validations, print areas.
            warnings.simplefilter("ignore")
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except _UNREADABLE as error:
        raise _broken(error) from error
    try:
        sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        tables = [table_of(_rows(sheet), f"sheet {sheet.title!r}") for sheet in sheets]
        yield [table for table in tables if table.head]
    finally:
        book.close()


def _check_sizes(file: BinaryIO) -> None:
    try:
        with ZipFile(file) as archive:
            sizes = {part.filename: part.file_size for part in archive.infolist()}
    except _UNREADABLE as error:
        raise _broken(error) from error
    for size, most, what in (
        (sum(sizes.values()), UNPACKED_BYTES_MAX, "unpacked"),
        (sizes.get(_TEXTS, 0), TEXTS_BYTES_MAX, "of texts"),
    ):
        if size > most:
            raise ImportRefused(
                f"is a workbook of {size // 1024**2} MiB {what}, more than {most // 1024**2}: save as CSV"
            )


def _rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    sheet.reset_dimensions()  # some programs write wrong ones
    rows = sheet.iter_rows(values_only=True, max_col=COLUMNS_MAX)
    try:
        for number, values in enumerate(rows, start=1):
            if number > ROWS_MAX:
                raise ImportRefused(f"has more than {ROWS_MAX} rows in the sheet {sheet.title!r}: save it as CSV")
            yield number, [_text(value, number) for value in values]
    except _UNREADABLE as error:
        raise _broken(error) from error


def _text(value: object, number: int) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        if len(value) > CELL_CHARS_MAX:
            raise ImportRefused(f"row {number} has a cell of more than {CELL_CHARS_MAX} characters")
        return plain_cell(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(timespec="seconds")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _broken(error: Exception) -> ImportRefused:
    return ImportRefused(
        f"is no workbook that can be read: {' '.join(str(error).split())[:200] or type(error).__name__}"
    )
