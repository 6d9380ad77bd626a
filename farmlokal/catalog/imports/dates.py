"""The days of market files: the forms in which they are written, and whether a file writes the day or the month first.

`6/4/2023` alone says neither. A file is of one form, so all its dates together decide: a number above 12 is a day, and
a reading that lies in the future, or before 1970, is none. The portal itself writes `06/04/2023` and its reports
`06-04-2023`, always with two digits and the day first; spreadsheets that write the month first drop the zeros.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple

from farmlokal.catalog.wire import check_not_ahead

_NUMBERS = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ][\d:.]+Z?)?", re.ASCII)
_NAMED = re.compile(r"(\d{1,2})[ -]([A-Za-z]{3,9})[ ,-]+(\d{4}|\d{2})", re.ASCII)
_PORTAL = re.compile(r"\d\d([/-])\d\d\1\d{4}", re.ASCII)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_YEAR_MIN = 1970  # its epoch seconds are the version, which is never negative
# One slip does not make another form of a file.
_SLIPS_MAX = 0.1


class DateForm(NamedTuple):
    """Whether the day stands first in dates of three numbers; None where the file leaves it open.

    example: a date that can be read in two ways, where it is left open; none where the file's dates contradict each
    other
    """

    day_first: bool | None
    example: str = ""

    def doubt(self) -> str:
        """Why it is left open, with both readings, for people."""
        if not self.example:
            return "some of its dates can only have the day first, and some only the month"
        days = (parse_day(self.example, day_first=day_first) for day_first in (True, False))
        return f"{self.example!r} can be {' or '.join(f'{day.day} {day:%B} {day.year}' for day in days)}"


def form_of(dates: Iterable[str], *, now: datetime) -> DateForm:
    """What `dates`, the different ones of a file, say of its form.

    now: aware; no day lies more than one ahead of it.
    """
    votes = {True: 0, False: 0}
    example = ""
    portal = True
    for text in dates:
        possible = [day_first for day_first in (True, False) if _is_day(text, day_first=day_first, now=now)]
        if len(possible) == 1:
            votes[possible[0]] += 1
        elif len(possible) == 2 and parse_day(text, day_first=True) != parse_day(text, day_first=False):
            example = example or text
            portal = portal and _PORTAL.fullmatch(text) is not None
    told = votes[True] + votes[False]
    for day_first in (True, False):
        if told and votes[not day_first] <= told * _SLIPS_MAX:
            return DateForm(day_first)
    if told:
        return DateForm(None)
    return DateForm(day_first=True) if portal else DateForm(None, example)


@lru_cache(maxsize=8192)  # a file is one day's, or some years'
def parse_day(text: str, *, day_first: bool) -> date:
    """The day that `text` names. Raises ValueError, which says what is allowed."""
    if match := _ISO.fullmatch(text):
        year, month, day = map(int, match.groups())
    elif match := _NAMED.fullmatch(text):
        day, year = int(match[1]), _whole_year(match[3])
        month = _month(match[2])
    elif match := _NUMBERS.fullmatch(text):
        first, second, year = int(match[1]), int(match[3]), _whole_year(match[4])
        day, month = (first, second) if day_first else (second, first)
    else:
        raise ValueError("must be a date, such as 19/02/2025, 19-02-2025, 2025-02-19 or 19-Feb-25")
    try:
        found = date(year, month, day)
    except ValueError:
        order = "day/month/year" if day_first else "month/day/year"
        raise ValueError(f"must be a day that exists, as {order}") from None
    if year < _YEAR_MIN:
        raise ValueError(f"must not be before {_YEAR_MIN}")
    return found


@lru_cache(maxsize=8192)
def midnight(day: date) -> datetime:
    """The day's first moment, UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _is_day(text: str, *, day_first: bool, now: datetime) -> bool:
    try:
        check_not_ahead(midnight(parse_day(text, day_first=day_first)), now)
    except ValueError:
        return False
    return True


def _whole_year(digits: str) -> int:
    year = int(digits)
    if len(digits) == 4:
        return year
    return year + (1900 if year >= _YEAR_MIN % 100 else 2000)


def _month(name: str) -> int:
    short = name.lower()[:3]
    if short not in _MONTHS:
        raise ValueError(f"must have a month such as Feb, not {name}")
    return _MONTHS.index(short) + 1
