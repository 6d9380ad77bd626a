"""Objects in JSON: one a line, in an array, or under `records` in the portal's answers, of which a file may hold many.

Documents are read piece by piece: an answer of any size takes no more memory than its longest record.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

import ijson

from farmlokal.errors import ImportRefused

# A record of ours or the portal's is well under 4 KiB. What goes on for longer must not fill the memory.
RECORD_BYTES_MAX = 1024 * 1024
_BUFFER_BYTES = 64 * 1024
_PEEK_EVENTS_MAX = 2000
_SCALARS = frozenset({"string", "number", "boolean", "null"})


class Beginning(NamedTuple):
    """How the first document of a file begins.

    array: whether it is one. fields: the first object's names with those of its values that are no objects and no
    arrays, and what stands in an `error`; where that is an answer, its own and not its records'. records: whether it
    has a list of `records`.
    """

    array: bool
    fields: Mapping[str, Any]
    records: bool


class _Bounded:
    """What ijson reads from: no record goes on for more than RECORD_BYTES_MAX."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._since_record = 0

    def record_ended(self) -> None:
        self._since_record = 0

    def read(self, size: int = -1) -> bytes:
        self._since_record += size
        if self._since_record > RECORD_BYTES_MAX:
            raise ImportRefused(f"holds a record of more than {RECORD_BYTES_MAX // 1024} KiB")
        return self._file.read(size)


def beginning(file: BinaryIO) -> Beginning | None:
    """How `file` begins, which stays where it stands; None where that is no JSON."""
    start = file.tell()
    try:
        return _beginning(file)
    except (ijson.JSONError, ImportRefused, UnicodeError):
        return None
    finally:
        file.seek(start)


def _beginning(file: BinaryIO) -> Beginning:
    array = False
    fields: dict[str, Any] = {}
    for number, (prefix, event, value) in enumerate(_events(_Bounded(file))):
        if number == 0:
            array = event == "start_array"
        path = prefix.removeprefix("item").removeprefix(".") if array else prefix
        if not array and prefix == "records" and event == "start_array":
            return Beginning(array, fields, records=True)
        if event in _SCALARS and path and "." not in path:
            fields[path] = value
        elif event in _SCALARS and path.startswith("error."):
            fields["error"] = f"{fields.get('error', '')} {value}".strip()
        if (event == "end_map" and not path) or number == _PEEK_EVENTS_MAX:
            break
    return Beginning(array, fields, records=False)


def documents(file: BinaryIO) -> Iterator[tuple[bool, Mapping[str, Any]]]:
    """What `file` holds, in its order: records (true), and the rest of each answer that held them (false).

    Raises ImportRefused where it is cut off, or no JSON.
    """
    bounded = _Bounded(file)
    rest: dict[str, Any] = {}
    builder: Any = None
    try:
        for prefix, event, value in _events(bounded):
            if prefix in ("item", "records.item") and event == "start_map":
                builder = ijson.ObjectBuilder()
            if builder is not None:
                builder.event(event, value)
                if prefix in ("item", "records.item") and event == "end_map":
                    bounded.record_ended()
                    yield True, builder.value
                    builder = None
            elif event in _SCALARS and prefix and "." not in prefix:
                rest[prefix] = value
            elif not prefix and event == "end_map":
                yield False, rest
                rest = {}
    except ijson.IncompleteJSONError as error:
        raise ImportRefused("ends in the middle of a record: it was cut off") from error
    except (ijson.JSONError, UnicodeError) as error:
        raise ImportRefused(f"is no JSON: {' '.join(str(error).split())[:200]}") from error


def check_whole(file: BinaryIO) -> None:
    """Reads `file` to its end, and leaves it where it stands. Raises ImportRefused as `documents` does."""
    position = file.tell()
    for _ in documents(file):
        pass
    file.seek(position)


def _events(file: _Bounded) -> Iterator[tuple[str, str, Any]]:
    return iter(ijson.parse(file, multiple_values=True, use_float=False, buf_size=_BUFFER_BYTES))
