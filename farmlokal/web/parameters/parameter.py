"""What a parameter's text may look like: how it is read, and the JSON Schema that says the same to people and tools."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from farmlokal.catalog.categories import CATEGORIES, is_category
from farmlokal.catalog.question.cursor import CURSOR_CHARS_MAX
from farmlokal.catalog.question.query import SORTS, Sort
from farmlokal.catalog.records import PLACE_CHARS_MAX, PRICE_PAISE_MAX
from farmlokal.catalog.writing.farms import place_key

ID_MAX = 2**63 - 1
_PRICE = re.compile(r"0*([0-9]{1,9})(?:\.([0-9]{1,2}))?", re.ASCII)
_WHOLE = re.compile(r"0*([0-9]{1,19})", re.ASCII)
# For a class of a regular expression, in Python's as in JSON Schema's.
CONTROL_CHARACTERS = r"\u0000-\u001f\u007f-\u009f"
_PLACE = rf"[^{CONTROL_CHARACTERS}]*[^\s{CONTROL_CHARACTERS}][^{CONTROL_CHARACTERS}]*"
_CURSOR = r"[A-Za-z0-9_-]+"


@dataclass(frozen=True, slots=True)
class Form:
    """One form of text. `parse` raises ValueError, which says what is allowed; `schema` is JSON Schema 2020-12."""

    parse: Callable[[str], Any]
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name, its form, what it means, an example of its text, where it stands in a request.

    repeated_max: how many values it may have; None for one alone. default: what its absence means.
    """

    name: str
    form: Form
    meaning: str
    example: str | int | bool | None = None
    place: Literal["query", "path", "header"] = "query"
    required: bool = False
    repeated_max: int | None = None
    default: str | int | bool | None = None


def parse_price(text: str) -> int:
    """Paise of a decimal with at most 2 places. Raises ValueError, which says what is allowed."""
    match = _PRICE.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a decimal from 0 to {PRICE_PAISE_MAX // 100} with at most 2 decimal places")
    rupees, fraction = match.groups()
    return int(rupees) * 100 + int((fraction or "").ljust(2, "0"))


def whole(least: int, most: int) -> Form:
    """Whole numbers within the two bounds."""

    def parse(text: str) -> int:
        match = _WHOLE.fullmatch(text)
        number = int(match[1]) if match else None
        if number is None or not least <= number <= most:
            raise ValueError(f"must be between {least} and {most}")
        return number

    return Form(parse, {"type": "integer", "minimum": least, "maximum": most})


def parse_flag(text: str) -> bool:
    """`true` or `false`. Raises ValueError."""
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def parse_place(text: str) -> str:
    """The normal form of a district's or state's name. Raises ValueError."""
    # What is asked for is counted as what is stored is: before it is normalised, which may lengthen it.
    # Past its memory, which is for what is stored again and again, not for whatever anybody asks.
    key = place_key.__wrapped__(text) if len(text) <= PLACE_CHARS_MAX else ""
    if not key:
        raise ValueError(f"must have 1 to {PLACE_CHARS_MAX} characters")
    return key


def parse_sort(text: str) -> Sort:
    """One of the sort orders. Raises ValueError."""
    if text not in SORTS:
        raise ValueError(f"must be one of {', '.join(SORTS)}")
    return SORTS[text]


def parse_cursor_text(text: str) -> str:
    """The token itself, so far as length tells. Raises ValueError."""
    if len(text) > CURSOR_CHARS_MAX:
        raise ValueError(f"must have at most {CURSOR_CHARS_MAX} characters")
    return text


def parse_category(text: str) -> str:
    """The slug of a category, in any case. Raises ValueError."""
    slug = text.strip().lower()
    if not slug:
        raise ValueError("must not be empty")
    if not is_category(slug):
        raise ValueError(f"must be one of {', '.join(CATEGORIES)}")
    return slug


PRICE = Form(parse_price, {"type": "string", "pattern": f"^{_PRICE.pattern}$"})
FLAG = Form(parse_flag, {"type": "boolean"})
PLACE = Form(parse_place, {"type": "string", "minLength": 1, "maxLength": PLACE_CHARS_MAX, "pattern": f"^{_PLACE}$"})
SORT = Form(parse_sort, {"type": "string", "enum": list(SORTS)})
# What is longer, or has other characters, is none of ours; whether the rest is, the signature tells.
CURSOR = Form(parse_cursor_text, {"type": "string", "maxLength": CURSOR_CHARS_MAX, "pattern": f"^{_CURSOR}$"})
CATEGORY = Form(parse_category, {"type": "string", "enum": list(CATEGORIES)})
