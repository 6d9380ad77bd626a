"""The alias table: what people call a commodity, in many languages and scripts, and the words by which it is found.

A row says that a whole phrase means a canonical phrase: `bhindi` means `okra`, and so does `ladies finger`. It works on
both sides: what is asked for is replaced by its canonical words, and a name that holds the phrase is found by them.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from farmlokal.catalog.search.corrections import Corrections
from farmlokal.catalog.search.phrases import Phrases
from farmlokal.catalog.search.words import Words, letters_in, words_of

COLUMNS = ("alias", "language", "script", "canonical")
# Of the thousands of shorter words of many languages one is always near.
_CORRECTED_LETTERS_MIN = 5
# Replacing can make a phrase of its own with the words beside it; a table in which that goes on and on has a circle.
_ROUNDS_MAX = 8


class AliasRow(NamedTuple):
    """One row of an alias table. language: an ISO 639 code. script: an ISO 15924 code."""

    alias: str
    language: str
    script: str
    canonical: str


class AliasesRefused(ValueError):
    """An alias table is not in order; the text has a line for each fault."""


class Aliases:
    """Phrases and their canonical words. rows: of two for one phrase the later counts. Raises AliasesRefused."""

    def __init__(self, rows: Iterable[AliasRow] = ()) -> None:
        self._phrases: Phrases[Words] = Phrases()
        faults = []
        # Thousands of phrases have some two hundred meanings: these are read, kept and looked at once.
        read = cache(words_of)
        for row in rows:
            alias, canonical = words_of(row.alias), read(row.canonical)
            if alias and canonical:
                self._phrases.add(alias, canonical)
            else:
                faults.append(f"{row.alias!r} means {row.canonical!r}: both must have a letter or a digit")
        given = list(self)
        meanings = dict.fromkeys(canonical for _, canonical in given)
        # A canonical phrase is one itself: else the `chana` of `chana dal` would be taken for the whole seeds.
        for canonical in meanings:
            if canonical not in self._phrases:
                self._phrases.add(canonical, canonical)
        wrong = {one for one in meanings if self._phrases.get(one) != one or self.applied(one) != one}
        for phrase, canonical in given:
            if canonical in wrong:
                faults.append(f"{' '.join(phrase)!r} means {' '.join(canonical)!r}, which itself has another meaning")
        if faults:
            raise AliasesRefused("\n".join(faults))
        # What is right as it stands, whether the catalogue has it or not: no slip of the keyboard.
        self.right_words = frozenset(word for phrase in self._phrases for word in self._phrases.get(phrase) or ())

    def __repr__(self) -> str:
        return f"<Aliases {len(self._phrases)}>"

    def __iter__(self) -> Iterator[tuple[Words, Words]]:
        """Each phrase with its canonical words; a canonical phrase with itself."""
        for phrase in self._phrases:
            yield phrase, self._phrases.get(phrase) or ()

    @cached_property
    def corrections(self) -> Corrections:
        """The words that are phrases by themselves, for slips in them."""
        corrections = Corrections()
        for phrase in self._phrases:
            if len(phrase) == 1 and letters_in(phrase[0]) >= _CORRECTED_LETTERS_MIN:
                corrections.add(phrase[0])
        return corrections

    @cached_property
    def by_text(self) -> list[tuple[str, Words]]:
        """Each phrase as a text, with its canonical words; sorted."""
        return sorted((" ".join(phrase), canonical) for phrase, canonical in self)

    def of_word(self, word: str) -> Words | None:
        """The canonical words of `word` where it is a phrase by itself."""
        return self._phrases.get((word,))

    def applied(self, words: Words) -> Words:
        """`words` with each phrase replaced by its canonical words, and words that then repeat left out.

        Applied to the result it changes nothing more; where that has no end, `words` as they are.
        """
        before = words
        for _ in range(_ROUNDS_MAX):
            after = _each_once(self._replaced(before))
            if after == before:
                return after
            before = after
        return words

    def canonical_in(self, words: Words) -> Iterator[Words]:
        """The canonical words of each phrase in `words`."""
        return (found.meaning for found in self._phrases.find(words))

    def _replaced(self, words: Words) -> Words:
        replaced: list[str] = []
        place = 0
        for found in self._phrases.find(words):
            replaced += words[place : found.start]
            replaced += found.meaning
            place = found.stop
        return (*replaced, *words[place:])


def _each_once(words: Words) -> Words:
    """Without repetitions; of equal words the last stays, for the last word of a question may be a beginning."""
    return tuple(dict.fromkeys(words[::-1]))[::-1]


def read_aliases(text: str, origin: str) -> list[AliasRow]:
    """The rows of a CSV table with the columns of COLUMNS. origin: what faults call it. Raises AliasesRefused."""
    lines = csv.reader(text.splitlines())
    header = next(lines, [])
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise AliasesRefused(f"{origin} lacks the columns {', '.join(missing)}: it must have {', '.join(COLUMNS)}")
    places = [header.index(column) for column in COLUMNS]
    return [_row(line, places) for line in lines if line]


def _row(line: Sequence[str], places: Sequence[int]) -> AliasRow:
    return AliasRow(*(line[place].strip() if place < len(line) else "" for place in places))


def own_rows() -> list[AliasRow]:
    """The rows that the package has."""
    return read_aliases(files(__package__).joinpath("aliases.csv").read_text(encoding="utf-8"), "aliases.csv")


@cache
def own_aliases() -> Aliases:
    """The table that the package has. Read once: it takes a tenth of a second."""
    return Aliases(own_rows())


def load_aliases(path: str | None) -> Aliases:
    """The package's table, and after it the operator's at `path`. Raises AliasesRefused."""
    if path is None:
        return own_aliases()
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AliasesRefused(f"{path} cannot be read: {error}") from error
    return Aliases([*own_rows(), *read_aliases(text, path)])
