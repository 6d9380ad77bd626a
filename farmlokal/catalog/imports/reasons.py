"""Why rows did not land: equal reasons counted together, since a wrong column makes thousands of them."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from farmlokal.errors import InvalidRecord

# A file that finds ever new reasons must not fill the memory: beyond so many kinds, rows are only counted.
_KINDS_MAX = 1000
_NUMBER = re.compile(r"\d[\d.,]*")


class BadRow(NamedTuple):
    """A row that did not land, or is in doubt.

    line: where it starts, from 1. reason: all that is wrong with it, for people. kind: what rows have in common that
    are wrong in the same way. row: as the file has it, where that is known.
    """

    line: int
    reason: str
    kind: str
    row: str = ""


def unreadable(line: int, fault: InvalidRecord) -> BadRow:
    """A row that is no record: of one kind are those with the same faults, whatever stands in their cells."""
    kind = "; ".join(f"{one.parameter}: {one.detail}" for one in fault.faults)
    return BadRow(line, str(fault), _without_numbers(kind), fault.row)


def refused(line: int, reason: str, row: str = "") -> BadRow:
    """A row that the catalogue refuses or doubts: of one kind are those whose reasons differ in numbers alone."""
    return BadRow(line, reason, _without_numbers(reason), row)


def _without_numbers(text: str) -> str:
    return _NUMBER.sub("…", text)


@dataclass
class ReasonCount:
    """How many rows there are of one kind. reason: the first one's."""

    reason: str
    rows: int
    first_line: int
    last_line: int


class Reasons:
    """Bad rows by their kind. uncounted: rows of the kinds that were too many to remember."""

    def __init__(self) -> None:
        self._kinds: dict[str, ReasonCount] = {}
        self.uncounted = 0

    def __repr__(self) -> str:
        return f"<Reasons kinds={len(self._kinds)} uncounted={self.uncounted}>"

    def note(self, bad: BadRow) -> None:
        """Count one row."""
        known = self._kinds.get(bad.kind)
        if known is not None:
            known.rows += 1
            known.last_line = bad.line
        elif len(self._kinds) < _KINDS_MAX:
            self._kinds[bad.kind] = ReasonCount(bad.reason, 1, bad.line, bad.line)
        else:
            self.uncounted += 1

    def most_frequent(self) -> list[ReasonCount]:
        """Every reason with its rows, the most frequent first, equal ones in the order of the file."""
        return sorted(self._kinds.values(), key=lambda count: (-count.rows, count.first_line))
