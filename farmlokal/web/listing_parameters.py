"""The parameters of `GET /products`: from the query string to a ListingQuery, or to every fault at once."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from farmlokal.catalog.categories import CATEGORIES, is_category
from farmlokal.catalog.cursor import CURSOR_CHARS_MAX, CursorSigner
from farmlokal.catalog.listing_query import (
    LIMIT_DEFAULT,
    LIMIT_MAX,
    SORT_DEFAULT,
    SORTS,
    Filters,
    ListingQuery,
    Sort,
)
from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.records import PLACE_CHARS_MAX, PRICE_PAISE_MAX
from farmlokal.errors import Fault, InvalidInput
from farmlokal.web.query_string import parse_query_string, shown

CATEGORIES_MAX = 20
_ID_MAX = 2**63 - 1
_PRICE = re.compile(r"0*([0-9]{1,9})(?:\.([0-9]{1,2}))?", re.ASCII)
_WHOLE = re.compile(r"0*([0-9]{1,19})", re.ASCII)


def parse_price(text: str) -> int:
    """Paise of a decimal with at most 2 places. Raises ValueError, which says what is allowed."""
    match = _PRICE.fullmatch(text)
    if match is None:
        raise ValueError(f"must be a decimal from 0 to {PRICE_PAISE_MAX // 100} with at most 2 decimal places")
    rupees, fraction = match.groups()
    return int(rupees) * 100 + int((fraction or "").ljust(2, "0"))


def parse_whole(least: int, most: int) -> Callable[[str], int]:
    """A parser of whole numbers within the two bounds."""

    def parse(text: str) -> int:
        match = _WHOLE.fullmatch(text)
        number = int(match[1]) if match else None
        if number is None or not least <= number <= most:
            raise ValueError(f"must be between {least} and {most}")
        return number

    return parse


def parse_flag(text: str) -> bool:
    """`true` or `false`. Raises ValueError."""
    if text not in ("true", "false"):
        raise ValueError("must be true or false")
    return text == "true"


def parse_place(text: str) -> str:
    """The normal form of a district's or state's name. Raises ValueError."""
    key = text_key(text)
    if not key or len(key) > PLACE_CHARS_MAX:
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


@dataclass(frozen=True, slots=True)
class Parameter:
    """One single-valued parameter: how its text is read (`parse` raises ValueError) and what it means."""

    name: str
    parse: Callable[[str], Any]
    meaning: str


PARAMETERS = (
    Parameter("min_price", parse_price, "lowest price in rupees, inclusive"),
    Parameter("max_price", parse_price, "highest price in rupees, inclusive"),
    Parameter("district", parse_place, "exact name of a district, any case"),
    Parameter("state", parse_place, "exact name of a state, any case"),
    Parameter("farm_id", parse_whole(1, _ID_MAX), "one farm"),
    Parameter("in_stock", parse_flag, "whether stock is above zero"),
    Parameter("organic", parse_flag, "whether grown organically"),
    Parameter("sort", parse_sort, "the order; a leading - turns it round"),
    Parameter("limit", parse_whole(1, LIMIT_MAX), "products per page"),
    Parameter("cursor", parse_cursor_text, "next_cursor or prev_cursor of a page of the same filters and sort"),
)
_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}
_THESE_ARE = f"; these are: {', '.join(['category', *_BY_NAME])}"


def parse_listing_query(raw: str, signer: CursorSigner) -> ListingQuery:
    """The question that the query string `raw` asks. Raises InvalidInput, which lists every fault."""
    values, faults = parse_query_string(raw)
    categories = _categories(values.pop("category", []), faults)
    parsed = _single_values(values, faults)
    minimum, maximum = parsed.get("min_price"), parsed.get("max_price")
    if minimum is not None and maximum is not None and minimum > maximum:
        faults.append(Fault("min_price", shown(values["min_price"][0]), "must not exceed max_price"))
    filters = Filters(
        categories=categories,
        min_price_paise=minimum,
        max_price_paise=maximum,
        district_key=parsed.get("district"),
        state_key=parsed.get("state"),
        farm_id=parsed.get("farm_id"),
        in_stock=parsed.get("in_stock"),
        organic=parsed.get("organic"),
    ).normalised()
    query = ListingQuery(filters, parsed.get("sort", SORT_DEFAULT), parsed.get("limit", LIMIT_DEFAULT))
    cursor = parsed.get("cursor")
    if faults:
        # Whether a cursor fits can only be told against a question without faults; whether it is ours, always.
        raise InvalidInput([*faults, *_forgery(cursor, signer)])
    return query if cursor is None else replace(query, position=signer.open(cursor, query))


def _forgery(cursor: str | None, signer: CursorSigner) -> Sequence[Fault]:
    try:
        if cursor is not None:
            signer.verify(cursor)
    except InvalidInput as error:
        return error.faults
    return ()


def _single_values(values: dict[str, list[str]], faults: list[Fault]) -> dict[str, Any]:
    parsed: dict[str, Any] = {}
    unknown = False  # the parameters are listed once, not once for each of a thousand wrong names
    for name, texts in values.items():
        parameter = _BY_NAME.get(name)
        if parameter is None:
            faults.append(Fault(shown(name), shown(texts[0]), "is not a parameter" + ("" if unknown else _THESE_ARE)))
            unknown = True
        elif len(texts) > 1:
            faults.append(Fault(name, shown(", ".join(texts)), "must be given once"))
        elif not texts[0]:
            faults.append(Fault(name, "", "must not be empty"))
        else:
            try:
                parsed[name] = parameter.parse(texts[0])
            except ValueError as error:
                faults.append(Fault(name, shown(texts[0]), str(error)))
    return parsed


def _categories(texts: list[str], faults: list[Fault]) -> tuple[str, ...]:
    slugs = [slug.strip().lower() for text in texts for slug in text.split(",")]
    if len(slugs) > CATEGORIES_MAX:
        faults.append(Fault("category", f"{len(slugs)} categories", f"must be at most {CATEGORIES_MAX} categories"))
        return ()
    for slug in slugs:
        if not slug:
            faults.append(Fault("category", "", "must not be empty"))
        elif not is_category(slug):
            faults.append(Fault("category", shown(slug), f"must be one of {', '.join(CATEGORIES)}"))
    return tuple(slugs)
