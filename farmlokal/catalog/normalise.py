"""Text normal forms that make two spellings of one word meet, the same on every backend.

Databases disagree about collations (MariaDB, MySQL and SQLite share none that ignores case), so the keys by which
rows are ordered and compared are made here, stored beside the original text, and compared code point by code point.
"""

import re
import unicodedata
from functools import lru_cache

from farmlokal.catalog.records import PLACE_CHARS_MAX
from farmlokal.formats.text import compared

NAME_KEY_CHARS_MAX = 64

_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def text_key(text: str) -> str:
    """`text` without joiners, in Unicode form NFKC, case-folded, white space collapsed: equal for what is the same."""
    # Joiners go first: they keep the letters and marks around them from being composed.
    folded = unicodedata.normalize("NFKC", compared(text)).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())


@lru_cache(maxsize=16_384)  # a load has some thousand names
def name_key(name: str) -> str:
    """The key by which products are ordered by name: its first 64 characters decide, ties go by id."""
    return text_key(name)[:NAME_KEY_CHARS_MAX].rstrip()


@lru_cache(maxsize=65_536)  # products name the same farms, districts and states again and again
def place_key(name: str) -> str:
    """The normal form of a farm's, district's or state's name, cut to what its column holds: folded, ß becomes ss."""
    return text_key(name)[:PLACE_CHARS_MAX].rstrip()


def slug(text: str) -> str:
    """Lower-case ASCII letters and digits of `text`, everything else one hyphen: `Desi(Bontha)` → `desi-bontha`."""
    ascii_text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NOT_SLUG.sub("-", ascii_text.lower()).strip("-")
