"""Where a mirror of the catalogue stands: text that it gets with each page and gives back as `after`."""

import re
from typing import NamedTuple

from typing_extensions import override

# Eighteen digits, of the nineteen that a column holds: one counts on from them.
_POSITION = re.compile(r"([0-9a-f]{16})\.(0|[1-9][0-9]{0,17})(?:\.(0|[1-9][0-9]{0,17}))?", re.ASCII)
PATTERN = f"^{_POSITION.pattern}$"


class LogPosition(NamedTuple):
    """A place in the log, or in the walk through all products that goes before it.

    log: the catalogue's identity, since numbers are of one log alone. number: of the last change that the mirror has;
    during the walk, of the last one when that began: whatever is committed later has a higher one. walked_id: the last
    product of the walk; None behind it.
    """

    log: str
    number: int
    walked_id: int | None = None

    @override
    def __str__(self) -> str:
        walk = "" if self.walked_id is None else f".{self.walked_id}"
        return f"{self.log}.{self.number}{walk}"


def parse_position(text: str) -> LogPosition | None:
    """The position that `text` is; None where it is none."""
    match = _POSITION.fullmatch(text)
    if match is None:
        return None
    return LogPosition(match[1], int(match[2]), None if match[3] is None else int(match[3]))
