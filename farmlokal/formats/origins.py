"""Origins as browsers write them (RFC 6454)."""

import re

ANY_ORIGIN = "*"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[1-9][0-9]{0,4})?", re.ASCII)


def is_origin(text: str) -> bool:
    """Whether `text` is an origin as browsers write it: scheme, host in lower case, a port that is not the scheme's."""
    return _ORIGIN.fullmatch(text) is not None and not re.search(r"^http:.*:80$|^https:.*:443$", text)


def parse_origins(text: str) -> frozenset[str]:
    """Returns the comma-separated origins in `text`, or `*` alone. Raises ValueError, whose text is what is allowed."""
    origins = text.split(",")
    if text != ANY_ORIGIN and not all(map(is_origin, origins)):
        raise ValueError("must be * or comma-separated origins such as https://shop.example, in lower case, no slash")
    return frozenset(origins)
