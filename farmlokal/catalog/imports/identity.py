"""The identity of a market's product: state, district, market, commodity, variety and grade, each field kept apart.

`maharashtra|pune|pimpri|tomato|hybrid|faq`. The first four are the keys that the alias tables give, so that a renamed
market meets itself; variety and grade are told apart by every sign in them. Earlier releases ran all six together
into one slug, in which different products met: `from_slug` makes of such an id what it is now.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from farmlokal.catalog.imports.aliases import Aliases
from farmlokal.catalog.imports.commodities import is_known
from farmlokal.catalog.normalise import slug, text_key

SEPARATOR = "|"
_FIELDS = 6
# Blanks beside a sign are layout: `Desi (Bontha)` and `Desi(Bontha)`.
_AROUND_SIGNS = re.compile(r" *([!-/:-@\[-`{-~]) *")
# Grades whose slug does not show how they were written.
_GRADES = {slug(grade): grade for grade in ("Non-FAQ", "A-1", "B-1", "Ref grade-1", "Ref grade-2")}


@lru_cache(maxsize=16_384)
def exact_key(text: str) -> str:
    """A variety or a grade, whatever its case and blanks, with the separator escaped."""
    return _AROUND_SIGNS.sub(r"\1", text_key(text)).replace("%", "%25").replace(SEPARATOR, "%7c")


@lru_cache(maxsize=16_384)  # a file's rows come market by market
def market_prefix(aliases: Aliases, state: str, district: str, market: str) -> str:
    """What the identities of all products of one market begin with."""
    state_key = aliases.state(state)
    return SEPARATOR.join((state_key, aliases.district(state_key, district), aliases.market(state_key, market), ""))


def identity(prefix: str, aliases: Aliases, commodity: str, variety: str, grade: str) -> str:
    """The identity of a product of the market whose prefix is given."""
    return prefix + SEPARATOR.join((aliases.commodity(commodity), exact_key(variety), exact_key(grade)))


def renewed(aliases: Aliases, external_id: str, name: str, state: str, district: str, market: str) -> str | None:
    """What a stored product's identity is under the alias tables as they are now; None where it cannot be told.

    external_id: as stored, of this or of an earlier release. name, state, district, market: as stored.
    """
    prefix = market_prefix(aliases, state, district, market)
    parts = external_id.split(SEPARATOR)
    if len(parts) == _FIELDS:
        return prefix + SEPARATOR.join((aliases.commodity(parts[3]), *parts[4:]))
    return _from_slug(aliases, external_id, name, slug(f"{state}-{district}-{market}"), prefix)


def _from_slug(aliases: Aliases, external_id: str, name: str, place: str, prefix: str) -> str | None:
    rest = external_id.removeprefix(f"{place}-")
    if rest == external_id:
        return None
    for commodity, variety in _readings(name):
        head = slug(f"{commodity}-{variety}") + "-"
        if rest.startswith(head) and rest != head:
            grade = rest.removeprefix(head)
            return identity(prefix, aliases, commodity, variety, _GRADES.get(grade, grade.replace("-", " ")))
    return None


def _readings(name: str) -> Iterator[tuple[str, str]]:
    """What commodity and variety a product's name may stand for, the likeliest first."""
    readings = [(name, name), (name, "Other")]
    if name.endswith(")"):
        starts = [match.start() for match in re.finditer(r" \(", name)]
        readings += [(name[:start], name[start + 2 : -1]) for start in starts]

    def doubt(reading: tuple[str, str]) -> tuple[bool, bool]:
        commodity, variety = reading
        return not is_known(commodity), variety.count("(") != variety.count(")")

    return iter(sorted(readings, key=doubt))
