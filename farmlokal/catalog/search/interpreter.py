"""From the words that people use to the words that names have: aliases, then places, then corrections."""

from farmlokal.catalog.search.aliases import Aliases
from farmlokal.catalog.search.corrections import could_be_meant
from farmlokal.catalog.search.interpretation import Interpretation
from farmlokal.catalog.search.places import Place, Places
from farmlokal.catalog.search.vocabulary import Vocabulary
from farmlokal.catalog.search.words import Group, Groups, Words, groups_of

# What was understood is read again until nothing changes, which nearly always is the second time. Words that go round
# in a circle are taken as they are.
_ROUNDS_MAX = 6
# A word with more corrections at the same distance could be anything.
_ALTERNATIVES_MAX = 16
# What a question may have at most. Aliases that would make more of it are left alone.
WORDS_MAX = 8
CHARS_MAX = 64


class Interpreter:
    """Interprets by a vocabulary, and by the places that there are."""

    def __init__(self, vocabulary: Vocabulary, places: Places) -> None:
        self._vocabulary = vocabulary
        self._places = places

    def __repr__(self) -> str:
        return f"<Interpreter {self._vocabulary!r} {self._places!r}>"

    def interpret(self, text: str) -> Interpretation:
        """What `text` means: to interpret the result's text gives that text again, and no place."""
        asked = groups_of(text)
        groups, places = asked, tuple[Place, ...]()
        for _ in range(_ROUNDS_MAX):
            before = groups
            groups, found = self._placed(_aliased(groups, self._vocabulary.aliases))
            places += found
            groups = self._corrected(groups)
            if groups == before and not found:
                return Interpretation(groups, places) if _each_filter_once(places) else Interpretation(asked)
        return Interpretation(asked)

    def could_mean(self, text: str, understood: Interpretation) -> bool:
        """Whether `text` is understood so, or may have been before names came: with other corrections.

        A walk goes on as it began, though by now a new name may let its question be understood otherwise.
        """
        asked = groups_of(text)
        if asked == understood.groups or groups_of(understood.asking) == asked or self.interpret(text) == understood:
            return True
        groups = _aliased(asked, self._vocabulary.aliases)
        for place in understood.places:
            groups = _without_run(groups, place.words)
        return len(groups) == len(understood.groups) and all(map(_meant, groups, understood.groups))

    def _placed(self, groups: Groups) -> tuple[Groups, tuple[Place, ...]]:
        """What is left of `groups`, and the places: phrases of which no name has a word."""
        rest: list[Group] = []
        places: list[Place] = []
        run: list[str] = []
        for group in (*groups, ()):
            if len(group) == 1 and not self._vocabulary.has_word(group[0]):
                run.append(group[0])
                continue
            found = self._places.find(tuple(run)) if run else []
            rest += [(word,) for word in _without(tuple(run), found)]
            places += found
            run = []
            if group:
                rest.append(group)
        return tuple(rest), tuple(places)

    def _corrected(self, groups: Groups) -> Groups:
        corrected: list[Group] = []
        for number, group in enumerate(groups, 1):
            corrected += self._correction(group, last=number == len(groups))
        return tuple(dict.fromkeys(corrected[::-1]))[::-1]

    def _correction(self, group: Group, *, last: bool) -> Groups:
        """The group that stands for `group`; several where a slip was made in what means several words."""
        vocabulary = self._vocabulary
        matching = tuple(
            word for word in group if vocabulary.has_word(word) or (last and vocabulary.has_beginning(word))
        )
        if matching or len(group) > 1:
            return (matching or group,)
        word = group[0]
        if word in vocabulary.aliases.right_words:
            return (group,)
        meant = vocabulary.corrections(word)
        if len(meant) == 1:
            return tuple([(one,) for one in next(iter(meant))])
        alternatives = tuple(sorted({words[0] for words in meant if len(words) == 1}))
        return (alternatives,) if 0 < len(alternatives) <= _ALTERNATIVES_MAX else (group,)


def _meant(asked: Group, understood: Group) -> bool:
    return set(understood) <= set(asked) or all(any(could_be_meant(word, one) for word in asked) for one in understood)


def _aliased(groups: Groups, aliases: Aliases) -> Groups:
    """`groups` with the aliases in each run of single words replaced; as they are where that would be too much."""
    replaced: list[Group] = []
    run: list[str] = []
    for group in (*groups, ()):
        if len(group) == 1:
            run.append(group[0])
            continue
        replaced += [(word,) for word in aliases.applied(tuple(run))]
        run = []
        if group:
            replaced.append(group)
    done = tuple(dict.fromkeys(replaced[::-1]))[::-1]
    return done if within_limits(done) else groups


def within_limits(groups: Groups) -> bool:
    """Whether a question may have these words. Of alternatives the longest counts."""
    chars = sum(max(map(len, group)) + 1 for group in groups) - 1
    return len(groups) <= WORDS_MAX and chars <= CHARS_MAX


def _each_filter_once(places: tuple[Place, ...]) -> bool:
    return len({place.filter for place in places}) == len(places)


def _without(words: Words, places: list[Place]) -> Words:
    """`words` without those of `places`, which stand in them in this order."""
    for place in places:
        words = tuple([group[0] for group in _without_run(tuple((word,) for word in words), place.words)])
    return words


def _without_run(groups: Groups, words: Words) -> Groups:
    """`groups` without the first run of single words that is `words`."""
    run = tuple([(word,) for word in words])
    for start in range(len(groups) - len(run) + 1):
        if groups[start : start + len(run)] == run:
            return groups[:start] + groups[start + len(run) :]
    return groups
