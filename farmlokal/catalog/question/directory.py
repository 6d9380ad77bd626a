"""What may be asked of the directory: the places that products are at, and the farms that they are from, by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from urllib.parse import quote

import orjson

from farmlokal.catalog.question import forms
from farmlokal.catalog.question.parameter import Form, QuestionParameter
from farmlokal.catalog.question.query import LIMIT_DEFAULT, LIMIT_MAX, escaped
from farmlokal.catalog.question.sorts import Position
from farmlokal.catalog.records import PLACE_CHARS_MAX
from farmlokal.catalog.search.words import words_of

Level = Literal["state", "district", "market"]
# As the column `level` has them.
LEVELS: dict[Level, int] = {"state": 1, "district": 2, "market": 3}
LEVEL_DEFAULT: Level = "state"


def name_words(text: str) -> str:
    """The words of a name, folded as search folds them, as the column `words` has them."""
    return " ".join(words_of(text))[:PLACE_CHARS_MAX].rstrip()


def _read_beginning(text: str) -> str | None:
    return (name_words(text) or None) if len(text) <= PLACE_CHARS_MAX else None


_BEGINNING = Form(
    _read_beginning,
    {"type": "string", "minLength": 1, "maxLength": PLACE_CHARS_MAX},
    f"must have 1 to {PLACE_CHARS_MAX} characters, and a letter or a digit",
)
_Q = QuestionParameter("q", _BEGINNING, "how the name begins, in any script, in upper or lower case", "pun")
_LIMIT = QuestionParameter("limit", forms.whole(1, LIMIT_MAX), "how many on a page at most", 50, default=LIMIT_DEFAULT)


def _cursor(beside: str) -> QuestionParameter:
    return QuestionParameter("cursor", forms.CURSOR, f"next_cursor or prev_cursor of a page of the same {beside}")


def _named(*parameters: QuestionParameter) -> dict[str, QuestionParameter]:
    return {one.name: one for one in parameters}


PLACE_PARAMETERS = _named(
    QuestionParameter(
        "level", forms.one_of({name: name for name in LEVELS}), "what kind of place", "district", default=LEVEL_DEFAULT
    ),
    QuestionParameter("state", forms.PLACE, "the whole name of a state: what lies in it", "Maharashtra"),
    *(_Q, _LIMIT, _cursor("level, state and q")),
)
FARM_PARAMETERS = _named(
    QuestionParameter("district", forms.PLACE, "the whole name of a district: the farms in it", "Pune"),
    *(_Q, _LIMIT, _cursor("district and q")),
)


@dataclass(frozen=True)
class DirectoryQuery:
    """A page of the directory, in the order of the names' words, ties by id.

    values: what is asked for beside the page: parameters and their values, in one order, without defaults. position:
    its value is a name's words.
    """

    name: str
    values: tuple[tuple[str, str], ...] = ()
    limit: int = LIMIT_DEFAULT
    position: Position | None = None

    def get(self, name: str) -> Any:
        """The value of one parameter; None where it is not given."""
        return dict(self.values).get(name)

    @cached_property
    def question(self) -> str:
        """Canonical text of what a cursor is made for."""
        return f"{self.name}?{escaped(self.values)}"

    @property
    def first_page(self) -> str:
        """Canonical text of all but the position: a query string that asks the question. Defaults are left out."""
        limit = () if self.limit == LIMIT_DEFAULT else (("limit", str(self.limit)),)
        return escaped((*self.values, *limit))

    def canonical(self) -> str:
        """Canonical text of the whole question: the cache key. Equal exactly when the questions are equal."""
        key = f"{self.name}?{self.first_page}"
        if self.position is None:
            return key
        words, row_id, backward = self.position
        return f"{key}&{'before' if backward else 'after'}={quote(orjson.dumps(words), safe='')},{row_id}"


def directory_query(
    name: str, parameters: Mapping[str, QuestionParameter], values: Mapping[str, Any]
) -> DirectoryQuery:
    """The question, on its first page, that parameters ask. values: by their names, as their forms read them."""
    asked = [(one, values[one]) for one in parameters if one in values and one not in ("limit", "cursor")]
    told = tuple((one, value) for one, value in asked if value != parameters[one].default)
    return DirectoryQuery(name, told, values.get("limit", LIMIT_DEFAULT))
