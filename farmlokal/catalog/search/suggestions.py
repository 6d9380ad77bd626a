"""What to ask for: completions of what is being typed, and what comes near to what nothing matches."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import nsmallest
from typing import Literal, NamedTuple

from farmlokal.catalog.search.commodities import Commodities
from farmlokal.catalog.search.interpretation import Interpretation
from farmlokal.catalog.search.matching import COMMODITY, matches
from farmlokal.catalog.search.vocabulary import Vocabulary
from farmlokal.catalog.search.words import Group, words_of

SUGGESTIONS_MAX = 10
# Where nothing matches.
NEAR_MISSES_MAX = 3
# Of aliases in sixteen languages dozens begin with any two letters.
_ALIAS_CHARS_MIN = 3
# What two words must at least begin with for one to be suggested for the other.
_BEGINNING_CHARS_MIN = 3


class Suggestion(NamedTuple):
    """A text to ask for. kind: what it names. products: how many there were when they were last counted."""

    text: str
    kind: Literal["commodity", "name"]
    category: str
    products: int


class Suggestions:
    """Suggests names of a vocabulary, and what they are names of."""

    def __init__(self, vocabulary: Vocabulary, commodities: Commodities) -> None:
        self._vocabulary = vocabulary
        self._commodities = commodities

    def __repr__(self) -> str:
        return f"<Suggestions {self._vocabulary!r}>"

    def complete(self, text: str, interpretation: Interpretation, limit: int) -> list[Suggestion]:
        """At most `limit` suggestions for `text`, which was understood as `interpretation`.

        What exactly is asked for, then other commodities, then names; those with most products first, ties by name.
        """
        of_kinds = self._commodities.vocabulary
        found = matches(interpretation.groups, of_kinds)
        exact = found.tiers[COMMODITY]
        others = {number for tier in found.tiers for number in tier}
        for canonical in self._aliases_from(" ".join(words_of(text))):
            others.update(*matches(tuple((word,) for word in canonical), of_kinds).tiers[: COMMODITY + 1])
        others.difference_update(exact)
        chosen = [*self._first(exact, of_kinds, limit), *self._first(others, of_kinds, limit)][:limit]
        suggested = list(_suggested(chosen, of_kinds, "commodity"))
        if len(suggested) < limit:
            titles = {one.text for one in suggested}
            names = matches(interpretation.groups, self._vocabulary).numbers
            further = self._first(names, self._vocabulary, 2 * limit)
            suggested += [one for one in _suggested(further, self._vocabulary, "name") if one.text not in titles]
        return suggested[:limit]

    def near_misses(self, interpretation: Interpretation) -> list[Suggestion]:
        """What has most of the words of an interpretation that nothing matches, or words that begin as they do."""
        of_kinds = self._commodities.vocabulary
        words_had: Counter[int] = Counter()
        for group in interpretation.groups:
            words_had.update(set(of_kinds.with_word(group)) or self._beginning_alike(group, of_kinds))
        most = max(words_had.values(), default=0)
        closest = [number for number, count in words_had.items() if count == most]
        return list(_suggested(self._first(closest, of_kinds, NEAR_MISSES_MAX), of_kinds, "commodity"))

    @staticmethod
    def _beginning_alike(group: Group, vocabulary: Vocabulary) -> set[int]:
        """The numbers of the names with a word that has as long a beginning in common with `group` as any has."""
        for chars in range(max(map(len, group)), _BEGINNING_CHARS_MIN - 1, -1):
            found = vocabulary.with_beginning(tuple(word[:chars] for word in group if len(word) >= chars))
            if found:
                return found
        return set()

    @staticmethod
    def _first(numbers: Iterable[int], vocabulary: Vocabulary, limit: int) -> list[int]:
        return nsmallest(limit, numbers, key=vocabulary.ranks.__getitem__)

    def _aliases_from(self, beginning: str) -> Iterator[tuple[str, ...]]:
        """The canonical words of the aliases that begin so."""
        if len(beginning) < _ALIAS_CHARS_MIN:
            return
        aliases = self._vocabulary.aliases.by_text
        for place in range(bisect_left(aliases, (beginning,)), len(aliases)):
            phrase, canonical = aliases[place]
            if not phrase.startswith(beginning):
                return
            yield canonical


def _suggested(
    numbers: Iterable[int], vocabulary: Vocabulary, kind: Literal["commodity", "name"]
) -> Iterator[Suggestion]:
    for number in numbers:
        name = vocabulary.names[number].name
        yield Suggestion(name.text, kind, name.category, name.products)
