"""What an import reads from: files as they are, and those that are packed, each whole before its first row is read."""

import gzip
import io
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from farmlokal.catalog.imports.inputs import MEMBERS_MAX, InputFile, SpoolFile, file_at, unpacked
from farmlokal.errors import ImportRefused

MOMENT = datetime(2025, 2, 19, 12, tzinfo=UTC)


def given(content: bytes) -> InputFile:
    """A file that holds `content`."""
    return InputFile("given", io.BytesIO(content), MOMENT)


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A ZIP archive of `members`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name, (2025, 2, 19, 8, 30, 0)), content)
    return packed.getvalue()


def contents(content: bytes, **how: int) -> list[tuple[str, bytes]]:
    """The names and bytes of what is unpacked from `content`."""
    return [(one.name, one.file.read()) for one in unpacked(given(content), **how)]


def test_a_file_that_packs_nothing_is_itself() -> None:
    """Nothing is copied: it is the file that was given, at its start."""
    plain = given(b"State,District\n")
    assert [plain] == list(unpacked(plain))
    assert b"State" == plain.file.read(5)


def test_gzip_is_unpacked_under_its_own_name() -> None:
    """One file after another in one stream, as `cat a.gz b.gz` makes it, is one file."""
    assert [("given", b"one\ntwo\n")] == contents(gzip.compress(b"one\n") + gzip.compress(b"two\n"))


def test_an_archive_is_its_files_in_their_order() -> None:
    """Folders and what a desktop adds are no files; a name that a terminal would obey is shown without that."""
    packed = zipped(
        ("days/", b""), ("days/b.csv", b"b"), ("__MACOSX/days/b.csv", b"x"), (".DS_Store", b"x"), ("a\x1b.csv", b"a")
    )
    assert [("given/days/b.csv", b"b"), ("given/a?.csv", b"a")] == contents(packed)


def test_a_file_keeps_the_time_of_its_last_change(tmp_path: Path) -> None:
    """That of the folder, of the packed file, or of the archive's entry."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"a")
    os.utime(path, (MOMENT.timestamp(), MOMENT.timestamp()))
    with file_at(path) as file:
        assert ("a.csv", 1, MOMENT) == (Path(file.name).name, file.size_bytes, file.changed_at)
    assert [MOMENT] == [one.changed_at for one in unpacked(given(gzip.compress(b"a")))]
    (member,) = unpacked(given(zipped(("a.csv", b"a"))))
    assert datetime(2025, 2, 19, 8, 30, tzinfo=UTC) == member.changed_at


def test_a_spreadsheet_is_one_file() -> None:
    """Office's and OpenDocument's formats are archives too, and are left to whoever reads them."""
    for telling in ("[Content_Types].xml", "mimetype"):
        packed = zipped((telling, b"x"), ("content.xml", b"<x/>"))
        assert [("given", packed)] == contents(packed)


def encrypted() -> bytes:
    """An archive whose one file says that it is encrypted."""
    packed = bytearray(zipped(("a.csv", b"a")))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        packed[packed.index(header) + flags] |= 1
    return bytes(packed)


def damaged() -> bytes:
    """An archive whose one file is not what its check says."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.csv", b"State,District")
    return packed.getvalue().replace(b"State,District", b"State,Distract")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (gzip.compress(b"a" * 100)[:-9], "given: cannot be unpacked (gzip): Compressed file ended"),
        (gzip.compress(b"a" * 100)[:-8] + b"12345678", "given: cannot be unpacked (gzip): CRC check failed"),
        (zipped(("a.csv", b"a"))[:-9], "given: cannot be unpacked (ZIP): File is not a zip file"),
        (damaged(), "given/a.csv: cannot be unpacked (ZIP): Bad CRC-32"),
        (encrypted(), "given: is encrypted: unpack it first"),
        (zipped(("days/", b"")), "given: is an archive without a file in it"),
        (zipped(*((f"{number}", b"") for number in range(MEMBERS_MAX + 1))), "given: holds 1001 files, where 1000"),
    ],
    ids=["gzip-cut-off", "gzip-check", "zip-cut-off", "zip-check", "encrypted", "empty", "many"],
)
def test_an_archive_that_is_none_is_refused(content: bytes, reason: str) -> None:
    """The reason names the file, within an archive too, before one row is read."""
    with pytest.raises(ImportRefused) as refusal:
        contents(content)
    assert str(refusal.value).startswith(reason)


def test_what_grows_too_large_is_refused() -> None:
    """The bound is for all files of an archive together, and for one that is packed by itself."""
    two = zipped(("a.csv", b"a" * 60), ("b.csv", b"b" * 60))
    assert 2 == len(contents(two, bytes_max=120))
    for content, name in ((two, "given/b.csv"), (gzip.compress(b"a" * 120), "given")):
        with pytest.raises(ImportRefused, match=rf"{name}: is longer than \d+ bytes, the most that is read"):
            contents(content, bytes_max=119)


def test_what_is_spooled_can_begin_again() -> None:
    """What came before is forgotten, and does not count."""
    with SpoolFile("given", bytes_max=4) as spool:
        spool.write(b"abc")
        spool.restart()
        spool.fill(io.BytesIO(b"wxyz"))
        assert b"wxyz" == spool.input_file().file.read()
        with pytest.raises(ImportRefused):
            spool.write(b"!")
