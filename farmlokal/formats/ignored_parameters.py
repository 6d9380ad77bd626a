"""Names of query parameters that count for nothing, as a setting lists them."""

import re
from typing import NamedTuple

NONE_IGNORED = "off"
IGNORED_DEFAULT = "utm_*,fbclid,gclid,_"
# What needs no escape in a name, and the brackets that many frameworks put there.
_PATTERN = re.compile(r"[A-Za-z0-9_.~$:\[\]-]*\*?", re.ASCII)


class NamePatterns(NamedTuple):
    """Names of parameters: whole ones, and beginnings."""

    names: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()


def parse_ignored(text: str) -> NamePatterns:
    """Returns the comma-separated names in `text`, where a `*` at the end stands for any rest; none for `off`.

    Raises ValueError, whose text is what is allowed.
    """
    if text == NONE_IGNORED:
        return NamePatterns()
    patterns = text.split(",")
    if not all(pattern and _PATTERN.fullmatch(pattern) for pattern in patterns):
        raise ValueError(
            f"must be comma-separated names of parameters, each with or without a * at its end, or {NONE_IGNORED}"
        )
    return NamePatterns(
        frozenset(pattern for pattern in patterns if not pattern.endswith("*")),
        tuple(pattern[:-1] for pattern in patterns if pattern.endswith("*")),
    )
