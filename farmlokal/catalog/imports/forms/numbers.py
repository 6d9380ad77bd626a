"""Numbers as spreadsheets and people write them: `2,900.00`, `1,50,000`, `24,50`, `₹ 70.00`.

Whether a comma parts thousands or stands before the decimals, a file decides as a whole. `1,234` alone says neither:
between commas it is a thousand, as in the reports of this country; in a file whose cells are parted by semicolons,
which a spreadsheet makes where the comma is its decimal mark, it is refused with both readings.
"""

import re
from collections.abc import Iterable
from enum import Enum
from functools import lru_cache

_CURRENCY = re.compile(r"^(?:₹|rs\.?|inr)\s*|\s*/-$", re.IGNORECASE)
_PLAIN = re.compile(r"-?\d{1,15}(?:\.\d{1,20})?", re.ASCII)
_GROUPED = re.compile(r"-?\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?", re.ASCII)
_WITH_COMMA = re.compile(r"-?(?:\d+|\d{1,3}(?:[. ]\d{3})+)(?:,\d+)?", re.ASCII)
_TWO_READINGS = re.compile(r"-?\d{1,3}[.,]\d{3}", re.ASCII)
_SAYS_COMMA = re.compile(r"(?:^|[\d.])\d,(?:\d{1,2}|\d{4,})$|\.\d{3},", re.ASCII)
_SAYS_POINT = re.compile(r"\d\.(?:\d{1,2}|\d{4,})$|,\d{3}\.|,\d{2,3},", re.ASCII)


class DecimalMark(Enum):
    """What stands before the decimals of a file's numbers. OPEN: its numbers do not say."""

    POINT = "."
    COMMA = ","
    OPEN = "?"


def decimal_mark(cells: Iterable[str], *, delimiter: str) -> DecimalMark:
    """What `cells`, those of a file's columns of numbers, say. delimiter: what stands between the file's cells."""
    comma = point = False
    for cell in cells:
        comma = comma or _SAYS_COMMA.search(cell) is not None
        point = point or _SAYS_POINT.search(cell) is not None
    if comma != point:
        return DecimalMark.COMMA if comma else DecimalMark.POINT
    return DecimalMark.OPEN if delimiter == ";" and not comma else DecimalMark.POINT


@lru_cache(maxsize=16_384)
def plain_number(cell: str, mark: DecimalMark = DecimalMark.POINT) -> str:
    """`cell` with a decimal point and nothing between its digits; what is no number stays as it is.

    Raises ValueError where it can be read in two ways.
    """
    text = _CURRENCY.sub("", cell.strip())
    if mark is DecimalMark.OPEN:
        if _TWO_READINGS.fullmatch(text):
            digits = re.sub("[.,]", "", text)
            raise ValueError(f"can be {text.replace(',', '.')} or {digits}, and no number of the file says which")
        mark = DecimalMark.COMMA if _SAYS_COMMA.search(text) else DecimalMark.POINT
    if mark is DecimalMark.POINT and _GROUPED.fullmatch(text):
        return text.replace(",", "")
    if mark is DecimalMark.COMMA and _WITH_COMMA.fullmatch(text):
        return re.sub("[. ]", "", text).replace(",", ".")
    return text


def is_number(text: str) -> bool:
    """Whether `text` is a number with a decimal point, of a length that can be reckoned with."""
    return _PLAIN.fullmatch(text) is not None
