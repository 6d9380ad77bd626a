"""Where a page of a list ends, and where its neighbours begin."""

from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, TypeVar

from farmlokal.catalog.question.sorts import Position

T = TypeVar("T")


class Cut(NamedTuple, Generic[T]):
    """The rows of a page, and the cursors to the pages after and before it, where there are such."""

    shown: list[T]
    next_cursor: str | None
    prev_cursor: str | None

    @property
    def cursors(self) -> tuple[tuple[str, str], ...]:
        """The cursors that there are, as attributes of the page's value."""
        both = (("next", self.next_cursor), ("prev", self.prev_cursor))
        return tuple((name, cursor) for name, cursor in both if cursor is not None)


def cut_page(rows: Sequence[T], limit: int, position: Position | None, seal: Callable[[T | None, bool], str]) -> Cut[T]:
    """The page that `rows`, at most limit + 1 of them in the order of the scan, make.

    seal: the row at an edge and whether it is for the page before → the cursor. No row: what was past the position is
    gone meanwhile, and the walk turns round at the position itself.
    """
    backward = position is not None and position.backward
    more = len(rows) > limit
    shown = list(rows[:limit])
    if backward:
        shown.reverse()
    # Going forward there is a page before this one whenever a cursor led here; going backward, one after it.
    has_next = backward or more
    has_prev = more if backward else position is not None
    first, last = (shown[0], shown[-1]) if shown else (None, None)
    return Cut(shown, seal(last, False) if has_next else None, seal(first, True) if has_prev else None)
