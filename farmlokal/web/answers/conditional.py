"""Conditional requests by entity-tag (RFC 9110 section 13): whether a client's copy still holds."""

import re

# One element of the list; an entity-tag may hold a comma.
_TAG = re.compile(r'[ \t]*(W/)?("[\x21\x23-\x7e\x80-\xff]*")[ \t]*(?:,|$)|[ \t]*,', re.ASCII)


def none_match(if_none_match: str, etag: str) -> bool:
    """Whether `If-None-Match` holds, so that the answer has to be sent. Compares weakly (section 13.1.2).

    if_none_match: the header's lines joined by commas. One that is not well-formed matches nothing.
    """
    if if_none_match == etag:
        return False
    if if_none_match.strip() == "*":
        return False
    return etag not in {tag for _, tag in _tags(if_none_match)}


def any_match(if_match: str, etag: str) -> bool:
    """Whether `If-Match` holds (section 13.1.1). Compares strongly: a weak tag matches nothing."""
    if if_match.strip() == "*":
        return True
    return ("", etag) in _tags(if_match)


def _tags(listed: str) -> list[tuple[str, str]]:
    """The tags of a list, each with `W/` or nothing before it; none where the list is not well-formed."""
    tags = []
    place = 0
    while place < len(listed):
        found = _TAG.match(listed, place)
        if found is None:
            return []
        if found[2] is not None:
            tags.append((found[1] or "", found[2]))
        place = found.end()
    return tags
