"""A file's physical lines with their numbers, never more than one long line in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from farmlokal.errors import Fault, InvalidRecord

# A product is well under 4 KiB; what is longer is not a row of ours, and must not fill the memory either.
LINE_BYTES_MAX = 64 * 1024

EXCERPT_CHARS = 80

# The Ctrl-Z with which programs of another time end a text.
END_OF_TEXT = b"\x1a"

OnUnknown = Callable[[str], None]
"""Gets what a row calls its category, each time that this is not in the list and the product becomes `other`."""


class Line(NamedTuple):
    """One physical line without its line break; `whole` is false where it was cut at LINE_BYTES_MAX."""

    number: int
    raw: bytes
    whole: bool = True

    @property
    def blank(self) -> bool:
        """Whether there is nothing but white space on the line."""
        return self.whole and not self.raw.strip()

    def text(self) -> str:
        """The line as text. Raises InvalidRecord where it is too long or not UTF-8."""
        if not self.whole:
            raise InvalidRecord([Fault("line", self._excerpt(), f"must be at most {LINE_BYTES_MAX} bytes long")])
        try:
            return self.raw.decode()
        except UnicodeDecodeError as error:
            detail = f"must be UTF-8 (byte {error.start + 1} is not)"
            raise InvalidRecord([Fault("line", self._excerpt(), detail)]) from error

    def shown(self) -> str:
        """The line for people: as text whatever it holds, and no longer than LINE_BYTES_MAX."""
        return self.raw[:LINE_BYTES_MAX].decode(errors="replace")

    def _excerpt(self) -> str:
        return self.raw[:EXCERPT_CHARS].decode(errors="replace")


class Lines(Iterator[Line]):
    """The lines of an open binary file, from where it stands, counted from 1. Lines can be put back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._read = 0
        self._returned: deque[Line] = deque()

    def __repr__(self) -> str:
        return f"<Lines read={self._read} returned={len(self._returned)}>"

    def __next__(self) -> Line:
        if self._returned:
            return self._returned.popleft()
        raw = self._file.readline(LINE_BYTES_MAX + 1)
        if not raw:
            raise StopIteration
        self._read += 1
        if raw.endswith(b"\n"):
            return Line(self._read, raw.rstrip(b"\r\n"))
        if len(raw) <= LINE_BYTES_MAX:
            return Line(self._read, raw.rstrip(b"\r").removesuffix(END_OF_TEXT))
        self._skip_rest_of_line()
        return Line(self._read, raw, whole=False)

    def put_back(self, lines: Iterable[Line]) -> None:
        """Makes `lines`, given in their order, the next ones to come."""
        self._returned.extendleft(reversed(list(lines)))

    def _skip_rest_of_line(self) -> None:
        while (rest := self._file.readline(LINE_BYTES_MAX)) and not rest.endswith(b"\n"):
            pass
