"""What the cells of a header mean: `Min_x0020_Price`, `Min Price (Rs./Quintal)` and `min_price` are one column."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from farmlokal.catalog.imports.lines import EXCERPT_CHARS
from farmlokal.catalog.normalise import slug
from farmlokal.formats.text import compared

_IN_BRACKETS = re.compile(r"\(([^()]*)\)\s*$")
_SHOWN_MAX = 10


class Header(NamedTuple):
    """A row that names columns. cells: as the file writes them; keys: what they mean, whatever the spelling."""

    cells: tuple[str, ...]
    keys: tuple[str, ...]

    @classmethod
    def of(cls, row: Sequence[str]) -> "Header":
        """The header that `row` would be. Empty cells at its end are a spreadsheet's, and no columns."""
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        return cls(tuple(cells), tuple(map(column_key, cells)))

    def twice(self) -> str:
        """The columns that are named more than once, for people; empty where there are none."""
        counts = Counter(key for key in self.keys if key)
        return listed([cell for cell, key in zip(self.cells, self.keys, strict=True) if counts.pop(key, 0) > 1])


@lru_cache(maxsize=1024)
def column_key(cell: str) -> str:
    """The column that a header cell means: `min-price`. The portal writes blanks as `_x0020_`, as XML does."""
    return slug(_IN_BRACKETS.sub("", cell.replace("_x0020_", " ")))


def bracketed(cell: str) -> str:
    """What a header cell says in brackets at its end, such as `Rs./Quintal`; else nothing."""
    match = _IN_BRACKETS.search(cell)
    return match[1].strip() if match else ""


@lru_cache(maxsize=1024)
def same_column(name: str) -> str:
    """`name` as a mapping and a header are compared: without case, underscores being blanks."""
    return " ".join(compared(name).casefold().replace("_x0020_", " ").replace("_", " ").split())


def listed(names: Sequence[str]) -> str:
    """`names` for a message."""
    shown = ", ".join(repr(name[:EXCERPT_CHARS]) for name in names[:_SHOWN_MAX])
    return shown + (f" and {len(names) - _SHOWN_MAX} more" if len(names) > _SHOWN_MAX else "")
