"""What may be asked of a product's price history: days from and to, and a page of them."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from farmlokal.catalog.question.forms import CURSOR, whole
from farmlokal.catalog.question.parameter import Form, QuestionParameter
from farmlokal.catalog.question.query import escaped
from farmlokal.catalog.question.sorts import Position

LIMIT_DEFAULT = 30
# A year in one answer.
LIMIT_MAX = 366
_EPOCH = date(1970, 1, 1)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)


def _read_day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


DAY = Form(
    _read_day,
    {"type": "string", "format": "date", "pattern": f"^{_DAY.pattern}$"},
    "must be a day that exists, such as 2026-11-22",
)
RANGE_PARAMETERS = {
    one.name: one
    for one in (
        QuestionParameter("from", DAY, "the first day, inclusive", "2026-01-01"),
        QuestionParameter("to", DAY, "the last day, inclusive", "2026-12-31"),
    )
}
PAGE_PARAMETERS = {
    **RANGE_PARAMETERS,
    "limit": QuestionParameter("limit", whole(1, LIMIT_MAX), "days on the page at most", 7, default=LIMIT_DEFAULT),
    "cursor": QuestionParameter("cursor", CURSOR, "from a page with the same `from` and `to`: where to go on"),
}


def day_number(day: date) -> int:
    """Days since 1970-01-01, as the column `day` has it."""
    return (day - _EPOCH).days


def day_at(number: int) -> date:
    """The day of a number."""
    return _EPOCH + timedelta(days=number)


@dataclass(frozen=True)
class PriceQuery:
    """Days of one product: those from `first` to `last`, both inclusive where they are given.

    position: just past which day a page begins; its value is the day's number, its id the product's.
    """

    product_id: int
    first: date | None = None
    last: date | None = None
    limit: int = LIMIT_DEFAULT
    position: Position | None = None

    @cached_property
    def days(self) -> str:
        """Canonical text of the range, as a query string."""
        asked = (("from", self.first), ("to", self.last))
        return escaped([(name, day.isoformat()) for name, day in asked if day is not None])

    @property
    def question(self) -> str:
        """Canonical text of what a cursor is made for."""
        return f"product/{self.product_id}/prices?{self.days}"

    @property
    def first_page(self) -> str:
        """Canonical text of all but the position: a query string that asks the question. Defaults are left out."""
        if self.limit == LIMIT_DEFAULT:
            return self.days
        return f"{self.days}&limit={self.limit}".lstrip("&")

    def canonical(self) -> str:
        """Canonical text of the whole question: the cache key. Equal exactly when the questions are equal."""
        key = f"product/{self.product_id}/prices?{self.first_page}"
        if self.position is None:
            return key
        return f"{key}&{'before' if self.position.backward else 'after'}={self.position.value}"
