"""What a text's words are: the same for what is asked for, for names, for aliases and for places."""

import re
import unicodedata
from functools import lru_cache

from farmlokal.formats.text import compared

# Marks below or beside a letter of an Indian script that tell it from a foreign sound's. Many leave them out: प्याज़ is
# written प्याज as well. Some letters are one code point with theirs, so they are taken apart before.
_NUKTAS = re.compile(
    "[\u093c\u09bc\u0a3c\u0abc\u0b3c\u0cbc\U000110ba\U00011173\U000111ca\U00011236\U000112e9\U0001133c]"
)
_ASCII_WORD = re.compile(r"[a-z0-9]+")
# What separates the parts of a name: `Arhar (Tur/Red Gram)(Whole)` has four.
_PART_ENDS = re.compile(r"[()\[\]{},;/|]")
# What a question puts between words of which one is enough.
ALTERNATIVE = "|"

Words = tuple[str, ...]
# Words of which a name needs one: sorted, no two alike, at least one.
Group = tuple[str, ...]
Groups = tuple[Group, ...]


def folded(text: str) -> str:
    """`text` as it is compared: NFKC, case-folded, without joiners and nuktas."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", compared(text)).casefold())
    return unicodedata.normalize("NFC", _NUKTAS.sub("", unicodedata.normalize("NFD", plain)))


def words_of(text: str) -> Words:
    """The words of `text`, folded: its runs of letters, digits and the marks that belong to them."""
    return _words(folded(text))


def parts_of(name: str) -> list[Words]:
    """The words of each part of `name`, which brackets, commas and strokes separate; a phrase lies within one part."""
    return [words for part in _PART_ENDS.split(folded(name)) if (words := _words(part))]


def groups_of(text: str) -> Groups:
    """The words of a question, each with its alternatives: `chana|china dal` has two groups."""
    plain = folded(text)
    if ALTERNATIVE not in plain:
        return tuple([(word,) for word in _words(plain)])
    blanked = "".join([char if char == ALTERNATIVE or _in_words(char) else " " for char in plain])
    found = [tuple(sorted(set(_words(token)))) for token in blanked.split()]
    return tuple([group for group in found if group])


def text_of(groups: Groups) -> str:
    """The text of which `groups_of` makes these groups."""
    return " ".join([ALTERNATIVE.join(group) for group in groups])


def letters_in(word: str) -> int:
    """How many letters `word` has; vowel signs and other marks are none."""
    return len(word) if word.isascii() else sum(char.isalpha() for char in word)


def has_digit(word: str) -> bool:
    """Whether `word` has a digit or another numeral."""
    return any(char.isnumeric() for char in word)


def _words(plain: str) -> Words:
    if plain.isascii():
        return tuple(_ASCII_WORD.findall(plain))
    spaced = "".join([char if _in_words(char) else " " for char in plain])
    return tuple([word for word in spaced.split(" ") if any(map(str.isalnum, word))])


@lru_cache(4096)
def _in_words(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNM"
