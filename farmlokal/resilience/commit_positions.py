"""How far a writer's commits have come, and what a load has to have seen of them.

A replica serves what its writer had some time ago. A page that was loaded there is as good as one of the writer's own
where the replica has every commit whose invalidation was known when the load began. So each process notes the position
of its commits, sends it with their invalidation, and a load checks it at the server that it reads from.
"""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple


class Position(NamedTuple):
    """All that a writer had committed at one moment.

    timeline: names the writer, or the group that orders all commits of its members. Of two positions of one timeline
    that with the higher rank has everything that the other has. seen: what a replica has to have; opaque here.
    """

    timeline: str
    rank: int
    seen: str


class Committed(NamedTuple):
    """What is to be sent with invalidations. known: whether the positions cover every commit that is invalidated."""

    positions: tuple[Position, ...] = ()
    known: bool = False


class CommitPositions:
    """The positions of this process's commits, until they are sent. The latest of each timeline is kept."""

    def __init__(self) -> None:
        self._latest: dict[str, Position] = {}
        self._unknown = False

    def __repr__(self) -> str:
        return f"<CommitPositions {sorted(self._latest)} unknown={self._unknown}>"

    def note(self, position: Position | None) -> None:
        """Note where the writer was after a COMMIT; None where that is not known, or whether it took effect."""
        if position is None:
            # What follows may have been asked before the doubtful commit took effect.
            self._unknown = True
            return
        before = self._latest.get(position.timeline)
        if before is None or before.rank <= position.rank:
            self._latest[position.timeline] = position

    def take(self) -> Committed:
        """Return what was noted since the last time. Without any commit nothing is known: rows may change by hand."""
        taken = Committed(tuple(self._latest.values()), bool(self._latest) and not self._unknown)
        self._latest, self._unknown = {}, False
        return taken

    def give_back(self, taken: Committed) -> None:
        """Note again what `take` returned: it was not sent."""
        for position in taken.positions:
            self.note(position)
        if not taken.known:
            self._unknown = True


@dataclass(slots=True)
class Needed:
    """What one load has to have seen: every one of `positions`; None where that is not known.

    causal: becomes false where the load had to do with less, because the writer did not answer.
    """

    positions: tuple[str, ...] | None
    causal: bool = True


NEEDED: ContextVar[Needed | None] = ContextVar("needed", default=None)
"""Set while a load runs, for the statements that it sends; None for all other work, which belongs to the writer."""


def seen_by(positions: Iterable[Position]) -> tuple[str, ...]:
    """Return what a replica has to have of `positions`."""
    return tuple(sorted(position.seen for position in positions))
