"""The forms of text that questions are asked in, each with its JSON Schema."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.normalise import place_key
from farmlokal.catalog.question.parameter import Form
from farmlokal.catalog.records import PLACE_CHARS_MAX, PRICE_PAISE_MAX, UNIT_CHARS_MAX
from farmlokal.catalog.search.interpreter import CHARS_MAX, WORDS_MAX, within_limits
from farmlokal.catalog.search.words import ALTERNATIVE, groups_of
from farmlokal.database.dialect import decimal_string
from farmlokal.formats.text import INVISIBLE, REFUSED, accepted, label_key

ID_MAX = 2**63 - 1
# The longest real cursor, around a name key of 64 four-byte characters escaped by nobody, and twice as much of words
# that were understood: under 1,200. Alternatives of many long words may take the rest.
CURSOR_CHARS_MAX = 2048
# What was understood of 64 characters may have alternatives, which are asked for in turn.
_ALTERNATIVES_CHARS_MAX = 1024
_PRICE = re.compile(r"0*([0-9]{1,9})(?:\.([0-9]{1,2}))?", re.ASCII)
_RATING = re.compile(r"0*(?:[0-4](?:\.[0-9]{1,2})?|5(?:\.0{1,2})?)", re.ASCII)
_WHOLE = re.compile(r"0*([0-9]{1,19})", re.ASCII)
_ANY_WHOLE = re.compile(r"-?[0-9]+", re.ASCII)
_FLAGS = {"true": True, "false": False, "1": True, "0": False}
_PLACE = rf"[^{REFUSED}]*[^\s{REFUSED}{INVISIBLE}][^{REFUSED}]*"
_CURSOR = r"[A-Za-z0-9_-]+"


def whole(least: int, most: int) -> Form:
    """Whole numbers within the two bounds."""

    def read(text: str) -> int | None:
        match = _WHOLE.fullmatch(text)
        number = int(match[1]) if match else None
        return number if number is not None and least <= number <= most else None

    return Form(
        read,
        {"type": "integer", "minimum": least, "maximum": most},
        f"must be between {least} and {most}",
        kind=(_ANY_WHOLE, f"must be a whole number between {least} and {most}"),
    )


def one_of(choices: Mapping[str, Any], normalise: Callable[[str], str] = str) -> Form:
    """One text of a closed list. choices: each text with its value, of which it is the `str`."""
    return Form(
        choices.get,
        {"type": "string", "enum": list(choices)},
        f"must be one of {', '.join(choices)}",
        normalise=normalise,
    )


def _read_price(text: str) -> int | None:
    """Paise of a decimal with at most 2 places."""
    match = _PRICE.fullmatch(text)
    if match is None:
        return None
    rupees, fraction = match.groups()
    return int(rupees) * 100 + int((fraction or "").ljust(2, "0"))


def _read_rating(text: str) -> int | None:
    """The rating key of a decimal with at most 2 places: that of the products with just this rating."""
    return int(Decimal(text).scaleb(2)) + 1 if _RATING.fullmatch(text) else None


def _read_unit(text: str) -> str | None:
    """A unit as products have it."""
    try:
        return accepted(text) or None if len(text) <= UNIT_CHARS_MAX else None
    except ValueError:
        return None


def _label(text: str) -> str:
    """What of a category's text counts. The printable ones, nearly all, have no joiners to be dropped."""
    return text.strip().lower() if text.isprintable() else label_key(text)


def _read_place(text: str) -> str | None:
    """The normal form of a district's or state's name."""
    # What is asked for is counted as what is stored is: before it is normalised, which may lengthen it.
    # Past its memory, which is for what is stored again and again, not for whatever anybody asks.
    return (place_key.__wrapped__(text) or None) if len(text) <= PLACE_CHARS_MAX else None


def _read_words(text: str) -> str | None:
    """A text to search for."""
    chars_max = _ALTERNATIVES_CHARS_MAX if ALTERNATIVE in text else CHARS_MAX
    groups = groups_of(text) if len(text) <= chars_max else ()
    return text if groups and within_limits(groups) else None


WORDS = Form(
    _read_words,
    {"type": "string", "minLength": 1, "maxLength": _ALTERNATIVES_CHARS_MAX},
    f"must have 1 to {CHARS_MAX} characters, at most {WORDS_MAX} words, and a letter or a digit",
)
PRICE = Form(
    _read_price,
    {"type": "string", "pattern": f"^{_PRICE.pattern}$"},
    f"must be a decimal from 0 to {PRICE_PAISE_MAX // 100} with at most 2 decimal places",
    text=decimal_string,
)
# Its value is the rating key.
RATING = Form(
    _read_rating,
    {"type": "string", "pattern": f"^{_RATING.pattern}$"},
    "must be a decimal from 0 to 5 with at most 2 decimal places",
    text=lambda key: f"{Decimal(key - 1).scaleb(-2).normalize():f}",
)
UNIT = Form(
    _read_unit,
    {"type": "string", "minLength": 1, "maxLength": UNIT_CHARS_MAX, "pattern": f"^{_PLACE}$"},
    f"must have 1 to {UNIT_CHARS_MAX} characters",
)
FLAG = Form(
    # Client libraries write their own language's words, and forms a number.
    lambda text: _FLAGS.get(text.lower()),
    {"type": "boolean"},
    "must be true or false",
    text=lambda flag: "true" if flag else "false",
)
PLACE = Form(
    _read_place,
    {"type": "string", "minLength": 1, "maxLength": PLACE_CHARS_MAX, "pattern": f"^{_PLACE}$"},
    f"must have 1 to {PLACE_CHARS_MAX} characters",
)
CATEGORY = one_of({slug: slug for slug in CATEGORIES}, normalise=_label)
# What is longer, or has other characters, is none of ours; whether the rest is, the signature tells.
CURSOR = Form(
    lambda text: text if len(text) <= CURSOR_CHARS_MAX else None,
    {"type": "string", "maxLength": CURSOR_CHARS_MAX, "pattern": f"^{_CURSOR}$"},
    f"must have at most {CURSOR_CHARS_MAX} characters",
)
