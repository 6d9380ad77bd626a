"""Opening a file and finding out early that it cannot be text of ours."""

import os
from pathlib import Path
from typing import BinaryIO

from farmlokal.catalog.imports.lines import Line, Lines
from farmlokal.errors import ImportRefused

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HEAD_BYTES = 4096

# First bytes of what people import by mistake -> what to tell them.
_FOREIGN_STARTS = (
    (b"\x1f\x8b", "is compressed (gzip): unpack it first"),
    (b"PK\x03\x04", "is a ZIP archive or a spreadsheet: unpack it, or save it as CSV, first"),
    (b"\xff\xfe", "is UTF-16 text: save it as UTF-8 first"),
    (b"\xfe\xff", "is UTF-16 text: save it as UTF-8 first"),
    (b"<", "is HTML or XML, not CSV or NDJSON"),
    (b"[", "is a JSON array: one object per line is needed (NDJSON)"),
)


def open_regular(path: Path) -> BinaryIO:
    """The file at `path`, opened for reading bytes. Raises ImportRefused where that cannot be done."""
    try:
        if path.exists() and not path.is_file():
            raise ImportRefused(f"{path}: is not a regular file")
        return path.open("rb")
    except OSError as error:
        raise ImportRefused(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # a NUL in the name
        raise ImportRefused(f"{str(path)!r}: cannot be read: {error}") from error


def start_of_text(name: str, file: BinaryIO) -> tuple[Line, Lines]:
    """The first line of `file` that is not blank, and the lines after it; a byte order mark is passed over.

    Raises ImportRefused for an empty file and for one whose first bytes are not text of ours.
    """
    head = file.read(_HEAD_BYTES)
    _refuse_foreign(name, head)
    file.seek(len(_BYTE_ORDER_MARK) if head.startswith(_BYTE_ORDER_MARK) else 0, os.SEEK_SET)
    lines = Lines(file)
    for line in lines:
        if not line.blank:
            return line, lines
    raise ImportRefused(f"{name}: is empty")


def _refuse_foreign(name: str, head: bytes) -> None:
    text = head.removeprefix(_BYTE_ORDER_MARK).lstrip()
    for start, reason in _FOREIGN_STARTS:
        if text.startswith(start):
            raise ImportRefused(f"{name}: {reason}")
    if b"\0" in head:
        raise ImportRefused(f"{name}: is binary, not CSV or NDJSON")
