"""Places by their words: a question may name a district, a state or a farm beside what it is after."""

from collections.abc import Iterable
from typing import NamedTuple

from farmlokal.catalog.search.phrases import Phrases
from farmlokal.catalog.search.words import Words, words_of

# Of one phrase that is several, the first counts.
REGION_FILTERS = ("district", "state")
PLACE_FILTERS = (*REGION_FILTERS, "farm_id")
# In place of the id of a farm whose name another one has as well: it stands for neither.
_SEVERAL = 0


class Place(NamedTuple):
    """A filter that words of a question became. filter: its name. value: the filter's. words: that became it."""

    filter: str
    value: str | int
    words: Words


class Places:
    """The districts, states and farms that there are, by their words."""

    def __init__(self) -> None:
        self._regions: Phrases[Place] = Phrases()
        # By the hash of a name's words, which is 64 bits long: the farm's id, or _SEVERAL. A catalogue has tens of
        # thousands of farms; as phrases their names took five times the memory.
        self._farms: dict[int, int] = {}
        self._farm_words_max = 0

    def __repr__(self) -> str:
        return f"<Places {len(self._regions) + len(self._farms)}>"

    def add_regions(self, filter_name: str, keys: Iterable[str]) -> None:
        """Know districts or states by their normal forms, which are the filter's values."""
        for key in keys:
            words = words_of(key)
            known = self._regions.get(words)
            if words and (known is None or _rank(filter_name) < _rank(known.filter)):
                self._regions.add(words, Place(filter_name, key, words))

    def add_farm(self, farm_id: int, name: str) -> None:
        """Know a farm by its name, as long as no other has that name: nobody could tell which is meant."""
        words = words_of(name)
        if not words:
            return
        key = hash(words)
        if self._farms.setdefault(key, farm_id) != farm_id:
            self._farms[key] = _SEVERAL
        self._farm_words_max = max(self._farm_words_max, len(words))

    def find(self, words: Words) -> list[Place]:
        """The places in `words`, from left to right; of two that begin at one word the longer."""
        places: list[Place] = []
        start = 0
        while start < len(words):
            place = self._at(words, start)
            if place is not None:
                places.append(place)
            start += len(place.words) if place is not None else 1
        return places

    def _at(self, words: Words, start: int) -> Place | None:
        longest = max(self._regions.longest_from(words[start]), self._farm_words_max)
        for stop in range(min(len(words), start + longest), start, -1):
            phrase = words[start:stop]
            region = self._regions.get(phrase)
            if region is not None:
                return region
            farm_id = self._farms.get(hash(phrase), _SEVERAL)
            if farm_id != _SEVERAL:
                return Place("farm_id", farm_id, phrase)
        return None


def _rank(filter_name: str) -> int:
    return PLACE_FILTERS.index(filter_name)
