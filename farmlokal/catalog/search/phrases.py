"""Phrases within a row of words: the longest first, as a whole."""

from collections.abc import Iterator
from typing import Generic, NamedTuple, TypeVar

from farmlokal.catalog.search.words import Words

T = TypeVar("T")


class Found(NamedTuple, Generic[T]):
    """A phrase that begins at word number `start` and ends before number `stop`, and what it means."""

    start: int
    stop: int
    meaning: T


class Phrases(Generic[T]):
    """What each of many phrases means."""

    def __init__(self) -> None:
        self._meanings: dict[Words, T] = {}
        self._longest: dict[str, int] = {}  # by its first word, the words of the longest phrase

    def __repr__(self) -> str:
        return f"<Phrases {len(self._meanings)}>"

    def __len__(self) -> int:
        return len(self._meanings)

    def __contains__(self, phrase: Words) -> bool:
        return phrase in self._meanings

    def __iter__(self) -> Iterator[Words]:
        return iter(self._meanings)

    def get(self, phrase: Words) -> T | None:
        """What exactly `phrase` means; None where it is none of these."""
        return self._meanings.get(phrase)

    def add(self, phrase: Words, meaning: T) -> None:
        """Let `phrase`, of at least one word, mean `meaning` from now on."""
        self._meanings[phrase] = meaning
        self._longest[phrase[0]] = max(len(phrase), self._longest.get(phrase[0], 0))

    def longest_from(self, word: str) -> int:
        """How many words the longest phrase has that begins with `word`; 0 where none does."""
        return self._longest.get(word, 0)

    def find(self, words: Words) -> Iterator[Found[T]]:
        """The phrases in `words` from left to right, no two with a word in common; at each place the longest."""
        start = 0
        while start < len(words):
            found = self._at(words, start)
            if found is None:
                start += 1
            else:
                yield found
                start = found.stop

    def _at(self, words: Words, start: int) -> Found[T] | None:
        longest = self.longest_from(words[start])
        for stop in range(min(len(words), start + longest), start, -1):
            phrase = words[start:stop]
            if phrase in self._meanings:
                return Found(start, stop, self._meanings[phrase])
        return None
