"""The query string, decoded strictly: what cannot be read is a fault, never a guess."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from farmlokal.errors import Fault
from farmlokal.formats.text import refusal

_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_VALUE_CHARS_SHOWN = 80


@dataclass(frozen=True, slots=True)
class IgnoredParameters:
    """Tells which parameters are dropped before anything else is done with a request's: what trackers append.

    names: whole ones. prefixes: beginnings. kept: those of our own, which are never dropped, whatever the others say.
    """

    names: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        listed = name in self.names or name.startswith(self.prefixes)
        return listed and name.removesuffix("[]") not in self.kept


NOTHING_IGNORED = IgnoredParameters()


def raw_query(raw_path: str) -> str:
    """The query string of a request target as it was sent: aiohttp's parsed URL has repaired what we must refuse."""
    return raw_path.partition("?")[2]


def shown(value: str) -> str:
    """`value` as a fault shows it: cut to 80 characters, everything unprintable escaped."""
    cut = value if len(value) <= _VALUE_CHARS_SHOWN else value[:_VALUE_CHARS_SHOWN] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in cut)


def unasked(values: Mapping[str, list[str]]) -> list[Fault]:
    """The faults of parameters that a route does not take: of all `values`, by their names."""
    return [Fault(shown(name), shown(given[0]), "is not a parameter here") for name, given in values.items()]


def parse_query_string(
    raw: str, ignored: IgnoredParameters = NOTHING_IGNORED
) -> tuple[dict[str, list[str]], list[Fault]]:
    """The values of each parameter in `raw` (the request target after `?`), and the faults of its encoding.

    As HTML forms write it: `+` is a space, `%41` an octet of UTF-8. A pair that cannot be decoded, or that holds a
    character that no text may hold, is left out and reported. ignored: parameters that are as good as not there,
    whatever their values are.
    """
    values: dict[str, list[str]] = {}
    faults: list[Fault] = []
    for pair in raw.split("&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition("=")
        name, name_fault = _decode(raw_name)
        if name in ignored:
            continue
        value, value_fault = _decode(raw_value)
        fault = name_fault or value_fault
        if fault is None:
            values.setdefault(name, []).append(value)
        else:
            faults.append(Fault(shown(name), shown(raw_value), fault))
    return values, faults


def _decode(raw: str) -> tuple[str, str | None]:
    if _BROKEN_ESCAPE.search(raw):
        return raw, "must be percent-encoded correctly"
    try:
        text = unquote_to_bytes(raw.replace("+", " ").encode("utf-8", "surrogateescape")).decode("utf-8")
    except UnicodeDecodeError:
        return raw.encode("ascii", "backslashreplace").decode(), "must be valid UTF-8"
    # What is printable, as nearly every text is, is refused by no rule.
    return text, None if text.isprintable() else refusal(text)
