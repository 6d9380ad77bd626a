"""Slips of the keyboard: the words that are few edits away from one that matches nothing."""

from array import array
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from farmlokal.catalog.planning.stepwise import Steps
from farmlokal.catalog.search.words import has_digit, letters_in

# One edit of three letters makes another word: `tea` and `pea`.
_ONE_EDIT_LETTERS, _TWO_EDITS_LETTERS = 4, 8
# Words that are within two edits of each other have a deletion of their first letters in common. Seven are enough to
# tell most of them apart, and make a twentieth of the deletions that whole words would.
_PREFIX_CHARS = 7
_WORDS_PER_STEP = 32
# So many lists of deletions: one more is put into its place by moving a few thousand, where there are a million.
_LISTS = 256
# Those of a hash, and of a word's number.
_BITS = 32
_MASK = (1 << _BITS) - 1


class Corrections:
    """Finds the known words closest to another, by the deletions that they have in common.

    There are some twenty deletions of a word. Of each 8 bytes are kept, its hash and the word's number: a dict of
    texts would take ten times as much. Two that meet in one hash only make one more candidate, which is too far off.
    """

    def __init__(self) -> None:
        self._words: set[str] = set()
        # Known, and not found yet: their deletions take most of the time of a start, and few questions need them.
        self._waiting: list[str] = []
        self._found: list[str] = []  # the others, by their numbers
        self._lists: dict[int, array[int]] = {}  # of hashes and numbers, sorted

    def __repr__(self) -> str:
        return f"<Corrections deletions={sum(map(len, self._lists.values()))}>"

    def add(self, word: str) -> None:
        """Let `word` be found. Words with digits are not: 1121 is no slip for 1122."""
        if word in self._words or has_digit(word):
            return
        self._words.add(word)
        self._waiting.append(word)

    def catching_up(self) -> Steps[None]:
        """Make ready to find the words that were added, in steps of a millisecond; else the next question does."""
        while self._waiting:
            self._take_in(_WORDS_PER_STEP)
            yield

    def _take_in(self, most: int) -> None:
        for _ in range(min(most, len(self._waiting))):
            self._index(self._waiting.pop())

    def _index(self, word: str) -> None:
        # As many deletions as any word may have edits that is looked for: one as long, or two letters shorter.
        edits = 2 if letters_in(word) >= _TWO_EDITS_LETTERS - 2 else 1
        number = len(self._found)
        self._found.append(word)
        for deletion in _deletions(word[:_PREFIX_CHARS], edits):
            hashed = hash(deletion) & _MASK
            hashes = self._lists.get(hashed % _LISTS)
            if hashes is None:
                hashes = self._lists[hashed % _LISTS] = array("Q")
            insort(hashes, hashed << _BITS | number)

    def of(self, word: str, may_be_meant: Callable[[str], bool], further: Sequence["Corrections"] = ()) -> list[str]:
        """The words at the least distance from `word`, sorted; none where it is short, or has a digit.

        may_be_meant: which of the known words count. further: where else there are words.
        """
        edits_max = _edits_allowed(word)
        if not edits_max:
            return []
        for known in (self, *further):
            known._take_in(len(known._waiting))
        candidates: set[str] = set()
        for deletion in _deletions(word[:_PREFIX_CHARS], edits_max):
            for known in (self, *further):
                candidates.update(known._with(deletion))
        closest: list[str] = []
        for candidate in candidates:
            edits = distance(word, candidate, edits_max)
            if edits > edits_max or not may_be_meant(candidate):
                continue
            if edits < edits_max:
                edits_max, closest = edits, []
            closest.append(candidate)
        return sorted(closest)

    def _with(self, deletion: str) -> Iterator[str]:
        """The words that have a deletion; and seldom another."""
        hashed = hash(deletion) & _MASK
        hashes = self._lists.get(hashed % _LISTS, ())
        for place in range(bisect_left(hashes, hashed << _BITS), len(hashes)):
            if hashes[place] >> _BITS != hashed:
                return
            yield self._found[hashes[place] & _MASK]


def could_be_meant(typed: str, word: str) -> bool:
    """Whether `word` is close enough to `typed` to be a correction of it."""
    edits_max = _edits_allowed(typed)
    return edits_max > 0 and not has_digit(word) and distance(typed, word, edits_max) <= edits_max


def distance(one: str, other: str, most: int) -> int:
    """How many letters to insert, drop, replace or exchange with their neighbour make `one` the `other`.

    No letter is edited twice (optimal string alignment). Beyond `most` it is not told: `most` + 1.
    """
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for line, char in enumerate(one, 1):
        two_before, before, row = before, row, [line]
        for column, other_char in enumerate(other, 1):
            edits = min(before[column] + 1, row[column - 1] + 1, before[column - 1] + (char != other_char))
            if line > 1 and column > 1 and char == other[column - 2] and one[line - 2] == other_char:
                edits = min(edits, two_before[column - 2] + 1)
            row.append(edits)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)


def _edits_allowed(word: str) -> int:
    letters = letters_in(word)
    if letters < _ONE_EDIT_LETTERS or has_digit(word):
        return 0
    return 1 if letters < _TWO_EDITS_LETTERS else 2


def _deletions(word: str, most: int) -> Iterator[str]:
    """`word`, and what is left of it without one letter, or without up to `most`; each once."""
    found = {word}
    for count in range(1, min(most, len(word) - 1) + 1):
        found.update("".join(kept) for kept in combinations(word, len(word) - count))
    return iter(found)
