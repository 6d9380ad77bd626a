"""Numbers that processes share: each writes into a slot of its own, and a process that is scraped reads them all.

One anonymous shared mapping, made before the fork. prometheus-client's own way for several processes, a file for each
of them, was passed over: it is chosen by an environment variable before the library is imported, its folder grows with
every worker that was ever started, and it has no call for adding many observations at once. Here a worker that is
replaced leaves its slot to the next one, which goes on from its counts: nothing goes back, nothing grows, nothing is
left behind on a disk, and a process that is killed has counted everything up to its last instruction.
"""

import mmap
from collections.abc import Iterator
from typing import NamedTuple

from farmlokal.telemetry.logging import get_logger

_log = get_logger(__name__)

# Label values are closed sets, and about 150 keys of 11 KB are in use. There is room for every route with every method
# and every status that it can have. Pages that nobody wrote to take no memory.
_NAMES_BYTES = 192 * 1024
_WORD_BYTES = 8
_WORDS = 8 * 1024
_SLOT_BYTES = _NAMES_BYTES + _WORDS * _WORD_BYTES
# Kept free for series that find no room: they must not write over anything.
_NOWHERE_WORDS = 64
# A slot's first words: how many bytes of names are valid, and whether a process stands behind the slot.
_NAMES_USED, _LIVE, _FIRST_FREE = 0, 1, 2

Key = tuple[str, ...]


class Place(NamedTuple):
    """Where a key's numbers are: `words` of them, from the word `first`."""

    first: int
    words: int


class Slot:
    """One process's numbers. It alone writes them; every process may read.

    values: all words as floats, which count exactly up to 2⁵³. An aligned word is written and read at once, so that
    nobody sees half a number.
    """

    def __init__(self, memory: memoryview) -> None:
        self._names = memory[:_NAMES_BYTES]
        self.values: memoryview[float] = memory[_NAMES_BYTES:].cast("d")
        self._places: dict[Key, Place] = {}
        self._names_read = 0
        self._next = _FIRST_FREE
        self._full_logged = False

    def __repr__(self) -> str:
        return f"<Slot live={self.live} keys={len(self.places())} words={self._next}>"

    @property
    def live(self) -> bool:
        """Whether a process stands behind the slot and has set its gauges: they end with it, unlike its counters."""
        return bool(self.values[_LIVE])

    @live.setter
    def live(self, live: bool) -> None:
        self.values[_LIVE] = float(live)

    def place(self, *key: str, words: int = 1) -> int:
        """Returns the number of the first of the `words` words of `key`, made on first use.

        A key that the slot's last process made keeps its words and their numbers.
        """
        known = self.places().get(key)
        if known is not None:
            return known.first
        line = "\t".join((str(words), *key)).encode() + b"\n"
        used = self._names_read
        if used + len(line) > _NAMES_BYTES or self._next + words > _WORDS - _NOWHERE_WORDS:
            return self._nowhere()
        self._names[used : used + len(line)] = line
        # Only now is there a name to read, and its words are zero.
        self.values[_NAMES_USED] = float(used + len(line))
        return self.places()[key].first

    def places(self) -> dict[Key, Place]:
        """Every key that has numbers here."""
        used = int(self.values[_NAMES_USED])
        if used > self._names_read:
            for line in bytes(self._names[self._names_read : used]).decode().splitlines():
                words, *key = line.split("\t")
                self._places[tuple(key)] = Place(self._next, int(words))
                self._next += int(words)
            self._names_read = used
        return self._places

    def _nowhere(self) -> int:
        """Returns words at the end that have no name: what is counted there is lost, and overwrites nothing."""
        if not self._full_logged:
            self._full_logged = True
            _log.error("the board of metrics is full: new series are not counted")
        return _WORDS - _NOWHERE_WORDS


class Board:
    """Slots for `slots_max` processes, in memory that they share once they are forked."""

    def __init__(self, slots_max: int = 1) -> None:
        memory = memoryview(mmap.mmap(-1, slots_max * _SLOT_BYTES))
        self.slots = [Slot(memory[n * _SLOT_BYTES : (n + 1) * _SLOT_BYTES]) for n in range(slots_max)]
        self._in_use: set[int] = set()

    def __repr__(self) -> str:
        return f"<Board slots={len(self.slots)} in_use={len(self._in_use)}>"

    def acquire(self) -> Slot:
        """Returns a slot that no process has, for a process that is about to be started; its starter calls this.

        Where every slot is in use, the returned one is on no board that is read: the process works, and is not counted.
        """
        free = next((n for n in range(len(self.slots)) if n not in self._in_use), None)
        if free is None:
            _log.error("more processes than slots: one is not in the metrics", slots=len(self.slots))
            return Board().acquire()
        self._in_use.add(free)
        return self.slots[free]

    def release(self, slot: Slot) -> None:
        """Take `slot` back after its process has ended; its counts stay, and the next process goes on from them."""
        slot.live = False
        if slot in self.slots:
            self._in_use.discard(self.slots.index(slot))

    def numbers(self) -> Iterator[tuple[Key, list[float], bool]]:
        """Every key of every slot with its numbers as they are now, and whether its process lives."""
        for slot in self.slots:
            live = slot.live
            for key, (first, words) in slot.places().items():
                yield key, list(slot.values[first : first + words]), live


class OwnSlot(NamedTuple):
    """The slot that a process writes, and the board that it reads when it is scraped."""

    board: Board
    slot: Slot


def sole_slot() -> OwnSlot:
    """Returns the slot of a process that is the only one of its service."""
    board = Board()
    return OwnSlot(board, board.acquire())
