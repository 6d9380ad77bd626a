"""Which names an interpretation means, in tiers of relevance."""

from collections.abc import Iterable
from typing import NamedTuple

from farmlokal.catalog.search.vocabulary import Known, Vocabulary
from farmlokal.catalog.search.words import Groups

# The tiers, by their number in a `Matches`: what is asked for by its very name comes first.
COMMODITY, WHOLE_WORDS, BEGINNING = range(3)
TIERS = (COMMODITY, WHOLE_WORDS, BEGINNING)


class Matches(NamedTuple):
    """The numbers of names in each tier, sorted: the commodity is what was asked for; all words; a beginning."""

    tiers: tuple[tuple[int, ...], ...] = ((), (), ())

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of all tiers, sorted."""
        return tuple(sorted(number for tier in self.tiers for number in tier))

    def __len__(self) -> int:
        return sum(map(len, self.tiers))


def matches(groups: Groups, vocabulary: Vocabulary) -> Matches:
    """The names that have one word of every group; of the last one, a word may also be a beginning."""
    if not groups:
        return Matches()
    found = _rarest_first([vocabulary.with_word(group) for group in groups[:-1]])
    last = groups[-1]
    whole = set(vocabulary.with_word(last))
    beginning = vocabulary.with_beginning(last)
    for numbers in found:
        whole.intersection_update(numbers)
        beginning.intersection_update(numbers)
    beginning -= whole
    commodity = {number for number in whole if _is_asked_for(vocabulary.names[number], groups)}
    return Matches(tuple(tuple(sorted(tier)) for tier in (commodity, whole - commodity, beginning)))


def _rarest_first(found: Iterable[Iterable[int]]) -> list[set[int]]:
    return sorted(map(set, found), key=len)


def _is_asked_for(known: Known, groups: Groups) -> bool:
    """Whether the words of the name's commodity are those asked for, in any order."""
    commodity = known.commodity
    return len(commodity) == len(groups) and all(any(word in commodity for word in group) for group in groups)
