"""All that search holds in memory, and what is asked of it: what words mean, which names they find, what to suggest."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from farmlokal.catalog.planning.stepwise import Steps
from farmlokal.catalog.search.aliases import Aliases
from farmlokal.catalog.search.commodities import Commodities
from farmlokal.catalog.search.interpretation import Interpretation
from farmlokal.catalog.search.interpreter import Interpreter
from farmlokal.catalog.search.matching import Matches, matches
from farmlokal.catalog.search.places import REGION_FILTERS, Places
from farmlokal.catalog.search.regions import Regions
from farmlokal.catalog.search.suggestions import Suggestion, Suggestions
from farmlokal.catalog.search.vocabulary import Name, Vocabulary
from farmlokal.catalog.search.words import groups_of

T = TypeVar("T")
Key = TypeVar("Key")
# What was found for as many questions is kept; they come again.
_KEPT_MAX = 1024
# Names that are taken in between two pauses: about a millisecond's.
_NAMES_PER_STEP = 8


class SearchIndex:
    """The names, the commodities and the places that there are. Answers from memory, and changes in small steps."""

    def __init__(self, aliases: Aliases) -> None:
        self.vocabulary = Vocabulary(aliases)
        self.commodities = Commodities(aliases)
        self.places = Places()
        # By the name of their filter.
        self.regions = {name: Regions() for name in REGION_FILTERS}
        # Raised with every change: what was made of an earlier one may be made anew.
        self.version = 0
        # Questions by what came of them: `as-spelt`, `corrected`, `nothing`.
        self.questions: Counter[str] = Counter()
        self._interpreter = Interpreter(self.vocabulary, self.places)
        self._suggestions = Suggestions(self.vocabulary, self.commodities)
        self._interpretations: dict[str, Interpretation] = {}
        self._matches: dict[Interpretation, Matches] = {}

    def __repr__(self) -> str:
        return f"<SearchIndex version={self.version} {self.vocabulary!r} {self.places!r}>"

    def adding(self, names: Iterable[Name]) -> Steps[None]:
        """Know `names`, and how many products they have by now; in steps of about a millisecond.

        `ranking` and `changed` come after it.
        """
        for count, name in enumerate(names, 1):
            number = self.vocabulary.number_of(name.id)
            before = 0 if number is None else self.vocabulary.names[number].name.products
            if number is None or before != name.products:
                known = self.vocabulary.add(name)
                self.commodities.count(known, name.products - before)
            if count % _NAMES_PER_STEP == 0:
                yield

    def ranking(self) -> Steps[None]:
        """Put suggestions in the order of the numbers of products; in steps of about a millisecond."""
        for vocabulary in (self.vocabulary, self.commodities.vocabulary):
            yield from vocabulary.ranking()

    def catching_up(self) -> Steps[None]:
        """Make ready to correct slips in new words, which else the first question with a slip has to wait for."""
        yield from self.vocabulary.catching_up()

    def changed(self) -> None:
        """Forget what was found before names or places came."""
        self.version += 1
        self._interpretations.clear()
        self._matches.clear()

    def interpret(self, text: str) -> Interpretation:
        """What `text` means."""
        return _kept(self._interpretations, text, self._interpreter.interpret)

    def could_mean(self, text: str, understood: Interpretation) -> bool:
        """Whether `text` may have been understood so, now or before names came."""
        return self._interpreter.could_mean(text, understood)

    def matches(self, interpretation: Interpretation) -> Matches:
        """The names that an interpretation means. One without words means all, and matches none in particular."""
        return _kept(self._matches, interpretation, lambda one: matches(one.groups, self.vocabulary))

    def count(self, text: str, interpretation: Interpretation) -> None:
        """Count a question that was asked as `text`."""
        if interpretation.groups and not len(self.matches(interpretation)):
            self.questions["nothing"] += 1
        else:
            as_spelt = not interpretation.places and interpretation.groups == groups_of(text)
            self.questions["as-spelt" if as_spelt else "corrected"] += 1

    def names_of(self, numbers: Iterable[int]) -> list[Name]:
        """The names with these numbers."""
        return [self.vocabulary.names[number].name for number in numbers]

    def complete(self, text: str, limit: int) -> list[Suggestion]:
        """At most `limit` completions of `text`."""
        return self._suggestions.complete(text, self.interpret(text), limit)

    def near_misses(self, interpretation: Interpretation) -> list[Suggestion]:
        """What to suggest instead of what nothing matches."""
        return self._suggestions.near_misses(interpretation)


def _kept(memo: dict[Key, T], key: Key, make: Callable[[Key], T]) -> T:
    value = memo.get(key)
    if value is None:
        if len(memo) >= _KEPT_MAX:
            del memo[next(iter(memo))]
        value = memo[key] = make(key)
    return value


NO_NAMES = SearchIndex(Aliases())
"""An index in which nothing is found: of a catalogue that nobody has asked for its names yet."""
