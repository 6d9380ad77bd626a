"""The names of a catalogue, and which of them have a word."""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterator
from typing import NamedTuple

from farmlokal.catalog.planning.stepwise import Steps, in_order
from farmlokal.catalog.search.aliases import Aliases
from farmlokal.catalog.search.corrections import Corrections
from farmlokal.catalog.search.words import Group, Words, parts_of


class Name(NamedTuple):
    """A name that products of one category have. id: that products hold. text: as it is shown."""

    id: int
    text: str
    category: str
    products: int = 0


class Known(NamedTuple):
    """A name, and by which words it is found.

    words: its own, and the canonical words of the phrases in it. commodity: the canonical words of what it is one of,
    of `Tomato (Hybrid)` those of `Tomato`. title: that as it is shown.
    """

    name: Name
    words: frozenset[str]
    commodity: frozenset[str]
    title: str


class Vocabulary:
    """All names, each under a number from 0 in the order in which they came, and the words that they have.

    Names are only ever added: what was found before is found again.
    """

    def __init__(self, aliases: Aliases, *, correcting: bool = True) -> None:
        """correcting: whether slips of the keyboard are looked for, which takes most of the memory."""
        self.aliases = aliases
        self._correcting = correcting
        self.names: list[Known] = []
        # By a name's number: its place among all, those that most products have first, ties by the name.
        self.ranks: list[int] = []
        self._corrections = Corrections()
        self._numbers_by_id: dict[int, int] = {}
        self._numbers_by_word: dict[str, list[int]] = {}
        self._sorted_words: list[str] = []

    def __repr__(self) -> str:
        return f"<Vocabulary names={len(self.names)} words={len(self._sorted_words)}>"

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name_id: int) -> bool:
        return name_id in self._numbers_by_id

    def number_of(self, name_id: int) -> int | None:
        """The number of the name with this id; None where it is not known."""
        return self._numbers_by_id.get(name_id)

    def add(self, name: Name) -> Known:
        """Know `name`; of one that is known, how many products it has by now."""
        number = self._numbers_by_id.get(name.id)
        if number is not None:
            known = self.names[number] = self.names[number]._replace(name=name)
            return known
        known = self._known(name)
        number = self._numbers_by_id[name.id] = len(self.names)
        self.names.append(known)
        self.ranks.append(number)
        for word in known.words:
            numbers = self._numbers_by_word.get(word)
            if numbers is None:
                self._numbers_by_word[word] = [number]
                insort(self._sorted_words, word)
                if self._correcting:
                    self._corrections.add(word)
            else:
                numbers.append(number)
        return known

    def ranking(self) -> Steps[None]:
        """Rank the names by their products, after all that were added and counted."""
        ordered = yield from in_order(range(len(self.names)), self._by_products)
        ranks = [0] * len(self.names)
        for rank, number in enumerate(ordered):
            ranks[number] = rank
        self.ranks = ranks

    def catching_up(self) -> Steps[None]:
        """Make ready to correct slips in the words that are known by now."""
        yield from self.aliases.corrections.catching_up()
        yield from self._corrections.catching_up()

    def _by_products(self, number: int) -> tuple[int, str, int]:
        name = self.names[number].name
        return -name.products, name.text, name.id

    def has_word(self, word: str) -> bool:
        """Whether a name has `word`, as a whole."""
        return word in self._numbers_by_word

    def has_beginning(self, beginning: str) -> bool:
        """Whether a name has a word that begins so."""
        return next(self._words_from(beginning), None) is not None

    def corrections(self, word: str) -> set[Words]:
        """What may be meant by `word`, which matches nothing: words of names, or what aliases mean that names have."""
        meant = self._corrections.of(
            word, lambda one: all(map(self.has_word, self._meaning(one))), (self.aliases.corrections,)
        )
        return {self._meaning(one) for one in meant}

    def _meaning(self, word: str) -> Words:
        return self.aliases.of_word(word) or (word,)

    def with_word(self, group: Group) -> Collection[int]:
        """The numbers of the names that have one of the words of `group`."""
        if len(group) == 1:
            return self._numbers_by_word.get(group[0], ())
        return {number for word in group for number in self._numbers_by_word.get(word, ())}

    def with_beginning(self, group: Group) -> set[int]:
        """The numbers of the names that have a word that begins as one of `group`."""
        found: set[int] = set()
        for beginning in group:
            for word in self._words_from(beginning):
                found.update(self._numbers_by_word[word])
        return found

    def _words_from(self, beginning: str) -> Iterator[str]:
        for place in range(bisect_left(self._sorted_words, beginning), len(self._sorted_words)):
            word = self._sorted_words[place]
            if not word.startswith(beginning):
                return
            yield word

    def _known(self, name: Name) -> Known:
        parts = parts_of(name.text)
        words = {word for part in parts for word in part}
        for part in parts:
            for canonical in self.aliases.canonical_in(part):
                words.update(canonical)
        first: Words = parts[0] if parts else ()
        return Known(name, frozenset(words), frozenset(self.aliases.applied(first)), title_of(name.text))


def title_of(name: str) -> str:
    """What `name` is one of, as it is shown: what stands before its first bracket."""
    return name.partition("(")[0].strip(" -") or name
