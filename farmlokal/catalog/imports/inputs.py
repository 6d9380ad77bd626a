"""What an import reads from: files, each whole and on disk, whatever they were packed in or came by.

A file that is compressed with gzip, and each file in a ZIP archive, is unpacked to the disk before its first row is
read. So a broken archive changes nothing, and readers can seek. What packs what is told by content, never by name.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from gzip import BadGzipFile, GzipFile
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple, Protocol, Self, cast
from zipfile import BadZipFile, ZipFile, ZipInfo

from farmlokal.catalog.imports.opening import open_regular
from farmlokal.errors import ImportRefused

# What one file may grow to, and all files of one archive together: thirty times a file of a million rows of prices. It
# goes to the disk, which a small archive could fill otherwise.
SPOOLED_BYTES_MAX = 2 * 2**30
# A year of days is 366.
MEMBERS_MAX = 1000

_GZIP_START = b"\x1f\x8b"
_ZIP_START = b"PK\x03\x04"
# A spreadsheet is a ZIP archive as well (Office Open XML, OpenDocument): it is one file, and read as such.
_SPREADSHEET_MEMBERS = frozenset({"[Content_Types].xml", "mimetype"})
_ENCRYPTED = 0x1
_CHUNK_BYTES = 256 * 1024
_BROKEN = (EOFError, BadGzipFile, BadZipFile, zlib.error, NotImplementedError, OSError)


@contextmanager
def _refusing(refusal: str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        raise ImportRefused(f"{refusal}: {error}") from None


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class InputFile(NamedTuple):
    """A file to import.

    name: what messages call it. file: its bytes, on disk, from the first on; it can seek. changed_at: aware, when it
    was last changed; when it came where that is not known.
    """

    name: str
    file: BinaryIO
    changed_at: datetime

    @property
    def size_bytes(self) -> int:
        """How long it is. It stands at its start afterwards."""
        size_bytes = self.file.seek(0, 2)
        self.file.seek(0)
        return size_bytes


class SpoolFile:
    """A file on disk without a name, for what comes from elsewhere; it is gone when the process is.

    name: what messages call its content. changed_at: aware, of what it is filled with; by default now. bytes_max: what
    it may grow to.
    """

    def __init__(self, name: str, changed_at: datetime | None = None, *, bytes_max: int = SPOOLED_BYTES_MAX) -> None:
        self._name = name
        self._changed_at = changed_at or datetime.now(UTC)
        self._bytes_max = bytes_max
        self._file = cast("BinaryIO", TemporaryFile())  # noqa: SIM115 (closed when the spool is left)
        self.written_bytes = 0

    def __repr__(self) -> str:
        return f"<SpoolFile {self._name} {self.written_bytes}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, chunk: bytes) -> None:
        """Add `chunk`. Raises ImportRefused where it is too much."""
        self.written_bytes += len(chunk)
        if self.written_bytes > self._bytes_max:
            raise ImportRefused(f"{self._name}: is longer than {self._bytes_max} bytes, the most that is read")
        self._file.write(chunk)

    def restart(self) -> None:
        """Forget what was written."""
        self._file.seek(0)
        self._file.truncate()
        self.written_bytes = 0

    def fill(self, source: "_Readable") -> None:
        """Add all of `source`. Raises ImportRefused where it is too much."""
        while chunk := source.read(_CHUNK_BYTES):
            self.write(chunk)

    def input_file(self) -> InputFile:
        """What was written, from its start."""
        self._file.seek(0)
        return InputFile(self._name, self._file, self._changed_at)


@contextmanager
def file_at(path: Path) -> Iterator[InputFile]:
    """The file at `path`. Raises ImportRefused where it cannot be read."""
    with open_regular(path) as file:
        yield InputFile(str(path), file, datetime.fromtimestamp(path.stat().st_mtime, UTC))


def unpacked(given: InputFile, *, bytes_max: int = SPOOLED_BYTES_MAX) -> Iterator[InputFile]:
    """The files that `given` holds, in its order: itself, or those that it packs.

    Each is open until the next one is asked for. bytes_max: how much is unpacked, in all. Raises ImportRefused for
    an archive that is broken, encrypted, empty, or too large.
    """
    head = given.file.read(len(_ZIP_START))
    given.file.seek(0)
    if head.startswith(_GZIP_START):
        with (
            SpoolFile(given.name, given.changed_at, bytes_max=bytes_max) as spool,
            GzipFile(fileobj=given.file) as packed,
        ):
            with _refusing(f"{given.name}: cannot be unpacked (gzip)"):
                spool.fill(packed)
            yield spool.input_file()
    elif head == _ZIP_START:
        yield from _members(given, bytes_max)
    else:
        yield given


def _members(given: InputFile, left_bytes: int) -> Iterator[InputFile]:
    with _refusing(f"{given.name}: cannot be unpacked (ZIP)"):
        archive = ZipFile(given.file)
    with archive:
        members = archive.infolist()
        if _SPREADSHEET_MEMBERS.intersection(member.filename for member in members):
            given.file.seek(0)
            yield given
            return
        for member in _files(given.name, members):
            name = f"{given.name}/{_printable(member.filename)}"
            with SpoolFile(name, _moment(member), bytes_max=left_bytes) as spool:
                with _refusing(f"{name}: cannot be unpacked (ZIP)"), archive.open(member) as packed:
                    spool.fill(packed)
                left_bytes -= spool.written_bytes
                yield spool.input_file()


def _moment(member: ZipInfo) -> datetime | None:
    """When the archive says that a file was changed, in whichever time zone that was; None where it says nonsense."""
    try:
        return datetime(*member.date_time, tzinfo=UTC)
    except ValueError:
        return None


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _files(name: str, members: list[ZipInfo]) -> list[ZipInfo]:
    """Those that people put there: neither folders nor what a desktop hides in an archive."""
    files = [
        member
        for member in members
        if not member.is_dir()
        and not any(part.startswith(".") or part == "__MACOSX" for part in member.filename.split("/"))
    ]
    if not files:
        raise ImportRefused(f"{name}: is an archive without a file in it")
    if len(files) > MEMBERS_MAX:
        raise ImportRefused(f"{name}: holds {len(files)} files, where {MEMBERS_MAX} at most are read")
    if any(member.flag_bits & _ENCRYPTED for member in files):
        raise ImportRefused(f"{name}: is encrypted: unpack it first")
    return files
