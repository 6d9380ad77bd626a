"""A text file as UTF-8, whatever it was; and what its bytes alone give away."""

import codecs
import re
from collections.abc import Iterator
from io import TextIOWrapper
from tempfile import TemporaryFile
from typing import IO, BinaryIO, NamedTuple, cast

from charset_normalizer import from_bytes

from farmlokal.errors import ImportRefused

_CHUNK_BYTES = 1024 * 1024
_HEAD_BYTES = 4096
_LINE_BYTES = 64 * 1024
# Enough for a guess; what a whole file would add to it is time.
_SAMPLE_BYTES = 64 * 1024
_CONFLICT = b"<<<<<<< "
_MANY_BYTES = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What spreadsheet programs write in this country where they do not write UTF-8. Its neighbours, such as Windows-1250,
# differ by a few letters and cannot be told from it in a short list: of them the operator makes UTF-8.
_GUESSED = ["cp1252"]


class Text(NamedTuple):
    """A file as UTF-8, from where it stands. encoding: what it was."""

    file: BinaryIO
    encoding: str


def as_utf8(file: BinaryIO) -> Text:
    """`file`, from its beginning, as UTF-8 without a byte order mark: itself, or a temporary file of the same text.

    A file that holds one character of several bytes is UTF-8, whatever else is wrong in it. Raises ImportRefused where
    somebody left a conflict of a merge in it.
    """
    start = file.read(_HEAD_BYTES)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            if encoding != "utf-8":
                return Text(_converted(file, encoding), encoding)
            _looked_through(file, len(mark))
            return Text(file, encoding)
    sample = _looked_through(file, 0)
    # JSON is UTF-8 by its definition.
    is_json = start.lstrip().startswith((b"{", b"["))
    guess = None if sample is None or is_json else from_bytes(sample, cp_isolation=_GUESSED).best()
    if guess is None:
        return Text(file, "utf-8")
    return Text(_converted(file, guess.encoding), guess.encoding)


def _looked_through(file: BinaryIO, start: int) -> bytes | None:
    """Some lines that are not UTF-8, of a file that cannot be meant as such; else None. `file` stands at `start`."""
    sample = b""
    number = 1
    many = False
    file.seek(start)
    for chunk in _whole_lines(file):
        if (place := _conflict(chunk)) is not None:
            line = number + chunk.count(b"\n", 0, place)
            raise ImportRefused(f"line {line} is the mark of a conflict, left by a merge: resolve it first")
        number += chunk.count(b"\n")
        if not many and not chunk.isascii():
            many = _MANY_BYTES.search(chunk) is not None
            if len(sample) < _SAMPLE_BYTES:
                sample += b"\n".join(line for line in chunk.split(b"\n") if not line.isascii())[:_SAMPLE_BYTES]
    file.seek(start)
    return sample if sample and not many else None


def _conflict(chunk: bytes) -> int | None:
    if chunk.startswith(_CONFLICT):
        return 0
    place = chunk.find(b"\n" + _CONFLICT)
    return None if place < 0 else place + 1


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The rest of `file` in pieces that end with a line, unless that is longer than any of ours."""
    while chunk := file.read(_CHUNK_BYTES):
        yield chunk if chunk.endswith(b"\n") else chunk + file.readline(_LINE_BYTES)


def _converted(file: BinaryIO, encoding: str) -> BinaryIO:
    file.seek(0)
    text = TemporaryFile()  # noqa: SIM115 (whoever reads it closes it)
    reader = TextIOWrapper(cast("IO[bytes]", file), encoding=encoding, newline="")
    try:
        while part := reader.read(_CHUNK_BYTES):
            text.write(part.encode())
    except UnicodeError as error:
        text.close()
        raise ImportRefused(f"begins as {encoding} text, and cannot be read as such: {error}") from error
    finally:
        reader.detach()
    text.seek(0)
    return text
