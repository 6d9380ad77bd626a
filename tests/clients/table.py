"""The table of docs/clients.md: what it says that each cache does."""

from pathlib import Path
from typing import NamedTuple

_PAGE = Path(__file__).parents[2] / "docs" / "clients.md"


class Row(NamedTuple):
    """What the table says of one cache, in the words of habits.py. setting: what to set, for people."""

    name: str
    version: str
    codings: str
    not_modified: str
    over: str
    failing: str
    away: str
    setting: str


def rows() -> list[Row]:
    """Every row, in the order of the page."""
    lines = _PAGE.read_text("utf-8").splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith("| cache | version |"))
    found = []
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        found.append(Row(*(cell.strip() for cell in line.strip("|").split("|"))))
    return found
