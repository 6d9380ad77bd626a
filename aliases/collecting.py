"""Aliases from several sources, brought together: what people wrote first, and nothing that names two commodities."""

import csv
import unicodedata
from collections import defaultdict
from pathlib import Path

from farmlokal.catalog.search.aliases import AliasRow
from farmlokal.catalog.search.words import letters_in, words_of

# By the name of a letter in Unicode, its script's code in ISO 15924.
_SCRIPTS = {
    "LATIN": "Latn", "DEVANAGARI": "Deva", "BENGALI": "Beng", "GURMUKHI": "Guru", "GUJARATI": "Gujr", "ORIYA": "Orya",
    "TAMIL": "Taml", "TELUGU": "Telu", "KANNADA": "Knda", "MALAYALAM": "Mlym", "ARABIC": "Arab", "OL": "Olck",
    "MEETEI": "Mtei",
}  # fmt: skip
# Fewer letters, romanised from some thirty languages, mean too much.
_LATIN_LETTERS_MIN = 4


class Collected:
    """Aliases by their words. refused: (alias, canonical) that no source may bring."""

    def __init__(self, refused: set[tuple[str, str]]) -> None:
        self._refused = {(words_of(alias), words_of(canonical)) for alias, canonical in refused}
        self._curated: dict[tuple[str, ...], AliasRow] = {}
        self._offered: dict[tuple[str, ...], list[AliasRow]] = defaultdict(list)

    def add_curated(self, alias: str, language: str, canonical: str) -> None:
        """Take an alias that was written by hand. Raises ValueError where another commodity has it."""
        row = AliasRow(alias, language, script_of(alias), canonical)
        known = self._curated.setdefault(words_of(alias), row)
        if known.canonical != canonical:
            raise ValueError(f"{alias} ({language}) is {known.canonical} ({known.language}) and {canonical}")

    def offer(self, row: AliasRow) -> None:
        """Take an alias of a source, unless it is refused, too short, or the canonical phrase itself."""
        words, canonical = words_of(row.alias), words_of(row.canonical)
        short = row.script == "Latn" and sum(map(letters_in, words)) < _LATIN_LETTERS_MIN
        if words and words != canonical and not short and (words, canonical) not in self._refused:
            self._offered[words].append(row)

    def rows(self) -> list[AliasRow]:
        """The table: sorted by commodity, language and alias."""
        canonicals = {words_of(row.canonical) for row in self._curated.values()}
        offered = [
            rows[0]
            for words, rows in self._offered.items()
            if words not in self._curated and words not in canonicals and not _names_two(rows)
        ]
        kept = [row for words, row in self._curated.items() if words != words_of(row.canonical)]
        return sorted([*kept, *offered], key=lambda row: (row.canonical, row.language, row.script, row.alias))

    def ambiguous(self) -> list[str]:
        """What sources call two commodities."""
        return sorted(" ".join(words) for words, rows in self._offered.items() if _names_two(rows))


def script_of(text: str) -> str:
    """The code of the script of the first letter of `text`."""
    letter = next(char for char in text if char.isalpha())
    return _SCRIPTS[unicodedata.name(letter).split(" ")[0]]


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _names_two(rows: list[AliasRow]) -> bool:
    return len({row.canonical for row in rows}) > 1
