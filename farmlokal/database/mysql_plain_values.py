"""Values as they stand in a statement, many at once, where none of their texts needs a change."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

# What is escaped in a text beside its quotes.
_ESCAPED = ("\\", '"', "\0", "\n", "\r", "\x1a")
_MARKS: dict[type, str] = {str: "'%s'", int: "%d", float: "%re0", type(None): "NULL%.0s"}
# Python writes such a number without an exponent of its own.
_PLAIN_FLOAT_MIN, _PLAIN_FLOAT_MAX = 1e-4, 1e16


class _Template(NamedTuple):
    """What values of some kinds are filled into.

    quotes: how many it has. floats: where among the values numbers with a fraction are.
    """

    text: str
    quotes: int
    floats: tuple[int, ...]


def fill_plain(marks: str, values: Sequence[Any]) -> str | None:
    """`values` in the places of `%s` in `marks`; None where any of them does not stand in a statement as it is.

    Rows of a table are of few combinations of kinds, so that their text is one format. Whether anything in a text has
    to be escaped is asked of the whole, where a quote shows by the number of quotes.
    """
    template = _template(marks, tuple(map(type, values)))
    if template is None:
        return None
    for at in template.floats:
        if values[at] and not _PLAIN_FLOAT_MIN <= abs(values[at]) < _PLAIN_FLOAT_MAX:
            return None
    text = template.text % tuple(values)
    if text.count("'") != template.quotes:
        return None
    for char in _ESCAPED:
        if char in text:
            return None
    return text


@lru_cache(maxsize=1024)
def _template(marks: str, kinds: tuple[type, ...]) -> _Template | None:
    if not _MARKS.keys() >= set(kinds) or "'" in marks or "%%" in marks:
        return None
    text = marks % tuple([_MARKS[kind] for kind in kinds])
    floats = tuple([at for at, kind in enumerate(kinds) if kind is float])
    return _Template(text, text.count("'"), floats)
