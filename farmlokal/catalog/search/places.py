"""Places by their words: a question may name a district, a state or a farm beside what it is after."""

from collections.abc import Iterable
from typing import NamedTuple

from farmlokal.catalog.search.phrases import Phrases
from farmlokal.catalog.search.words import Words, words_of

# Of one phrase that is several, the first counts.
REGION_FILTERS = ("district", "state")
PLACE_FILTERS = (*REGION_FILTERS, "farm_id")


class Place(NamedTuple):
    """A filter that words of a question became. filter: its name. value: the filter's. words: that became it."""

    filter: str
    value: str | int
    words: Words


class Places:
    """The districts, states and farms that there are, by their words."""

    def __init__(self) -> None:
        self._phrases: Phrases[Place] = Phrases()
        self._of_several_farms: set[Words] = set()

    def __repr__(self) -> str:
        return f"<Places {len(self._phrases)}>"

    def add_regions(self, filter_name: str, keys: Iterable[str]) -> None:
        """Know districts or states by their normal forms, which are the filter's values."""
        for key in keys:
            words = words_of(key)
            known = self._phrases.get(words)
            if words and (known is None or _rank(filter_name) < _rank(known.filter)):
                self._phrases.add(words, Place(filter_name, key, words))

    def add_farm(self, farm_id: int, name: str) -> None:
        """Know a farm by its name, as long as no other has that name: nobody could tell which is meant."""
        words = words_of(name)
        if not words or words in self._of_several_farms:
            return
        known = self._phrases.get(words)
        if known is None:
            self._phrases.add(words, Place("farm_id", farm_id, words))
        elif known.filter == "farm_id" and known.value != farm_id:
            self._of_several_farms.add(words)
            self._phrases.drop(words)

    def find(self, words: Words) -> list[Place]:
        """The places in `words`, from left to right; of two that begin at one word the longer."""
        return [found.meaning for found in self._phrases.find(words)]


def _rank(filter_name: str) -> int:
    return PLACE_FILTERS.index(filter_name)
