"""Products of the wire format of which nothing is out of the ordinary, read without the model: a quarter of its time.

The model (`wire`) decides what is right and says what is wrong. What is read here it would read to the same record, and
whatever is not plainly so is left to it: so nothing is refused here, and no rule is only here.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from farmlokal.catalog import records
from farmlokal.catalog.categories import OTHER, known_category
from farmlokal.catalog.records import ProductRecord
from farmlokal.formats.text import accepted_lines
from farmlokal.formats.web_addresses import is_web_address

_FIELDS = frozenset(ProductRecord._fields) - {"price_paise", "said", "min_paise", "max_paise"} | {"price"}
# As many digits as a number of the range may have, and no more: what is longer may be out of it.
_PRICE = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,2})?")
_RATING = re.compile(r"[0-4](?:\.[0-9]{1,2})?|5(?:\.0{1,2})?")
_DEGREES = re.compile(r"-?[0-9]{1,3}(?:\.[0-9]{1,15})?")
_WHOLE_DIGITS_MAX = 18
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}Z")
_DAY = timedelta(days=1)


class _NotPlain(Exception):
    """The model has to look at the product."""


def plain_record(data: Mapping[str, Any], source: str, now: datetime) -> ProductRecord | None:
    """The record of `data`, one decoded JSON object; None where the model has to look at it.

    source: stands in where the object names none. now: aware; no product was created more than a day after it.
    """
    if not _FIELDS.issuperset(data):
        return None
    given = data.get
    try:
        return ProductRecord(
            _text(given("source", source), records.SOURCE_CHARS_MAX),
            _text(given("external_id"), records.EXTERNAL_ID_CHARS_MAX),
            _whole(given("version"), records.VERSION_MAX),
            _text(given("name"), records.NAME_CHARS_MAX),
            known_category(_text(given("category"), records.PLACE_CHARS_MAX)) or OTHER,
            _paise(given("price")),
            _text(given("unit"), records.UNIT_CHARS_MAX),
            _place(given("farm")),
            _place(given("market")),
            _place(given("district")),
            _place(given("state")),
            _degrees(given("lat"), 90),
            _degrees(given("lon"), 180),
            None if (stock := given("stock")) is None else _whole(stock, records.STOCK_MAX),
            _organic(given("organic")),
            _rating(given("rating")),
            _created(given("created_at"), now),
            image_url=_web_address(given("image_url")),
            description=_lines(given("description")),
            brand=None if (brand := given("brand")) is None else _text(brand, records.BRAND_CHARS_MAX),
        )
    except _NotPlain:
        return None


def _text(value: object, chars_max: int) -> str:
    # What is printable has no blank but U+0020, and nothing that is refused or that nobody sees: see `formats.text`.
    if type(value) is str and value.isprintable() and 0 < len(text := value.strip(" ")) <= chars_max:
        return text
    raise _NotPlain


def _place(value: object) -> str | None:
    return None if value is None else _text(value, records.PLACE_CHARS_MAX)


def _whole(value: object, most: int) -> int:
    if type(value) is str and len(value) <= _WHOLE_DIGITS_MAX and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is int and 0 <= value <= most:
        return value
    raise _NotPlain


def _number(value: object, form: re.Pattern[str]) -> str:
    """A number as it would be written; of a number in JSON that is what the model makes a decimal of, too."""
    text = value if type(value) is str else str(value) if type(value) in (int, float) else ""
    if form.fullmatch(text):
        return text
    raise _NotPlain


def _paise(value: object) -> int:
    rupees, _, rest = _number(value, _PRICE).partition(".")
    return int(rupees) * 100 + (int(rest.ljust(2, "0")) if rest else 0)


def _degrees(value: object, most: int) -> float | None:
    if value is None:
        return None
    if type(value) is not float:
        value = float(_number(value, _DEGREES))
    if -most <= value <= most:
        return value
    raise _NotPlain


def _organic(value: object) -> bool:
    if value is None or type(value) is bool:
        return bool(value)
    raise _NotPlain


def _rating(value: object) -> float | None:
    return None if value is None else float(_number(value, _RATING))


def _created(value: object, now: datetime) -> str | None:
    if value is None:
        return None
    # In this form, what comes later in time comes later in the alphabet.
    if type(value) is str and _TIME.fullmatch(value) and "1970" <= value <= _latest(now):
        try:
            datetime.fromisoformat(value)  # there is no 30th of February
        except ValueError:
            raise _NotPlain from None
        return value
    raise _NotPlain


@lru_cache(maxsize=1)
def _latest(now: datetime) -> str:
    return (now.astimezone(UTC) + _DAY).strftime("%Y-%m-%dT%H:%M:%SZ")


def _lines(value: object) -> str | None:
    if value is None:
        return None
    if type(value) is str:
        try:
            text = accepted_lines(value)
        except ValueError:
            raise _NotPlain from None
        if 0 < len(text) <= records.DESCRIPTION_CHARS_MAX:
            return text
    raise _NotPlain


def _web_address(value: object) -> str | None:
    if value is None:
        return None
    address = _text(value, records.IMAGE_URL_CHARS_MAX)
    if is_web_address(address):
        return address
    raise _NotPlain
