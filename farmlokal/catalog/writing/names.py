"""Names: known by the products that have them, one per normalised name and category. They are only ever added."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from farmlokal.catalog.normalise import text_key
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Statements

# Normalising may lengthen a name: then what stands at its end does not tell two apart.
NAME_KEY_CHARS_MAX = 255

NameKey = tuple[str, str]
"""The identity of a name: its normal form, and the category."""
_KEYS_MAX = 200  # per statement
_NONE_KNOWN: Mapping[NameKey, int] = MappingProxyType({})


@lru_cache(maxsize=16_384)  # a load has some thousand names
def name_identity(name: str, category: str) -> NameKey:
    """The identity of the name that a product with this `name` and `category` has."""
    return text_key(name)[:NAME_KEY_CHARS_MAX].rstrip(), category


async def name_ids(
    statements: Statements,
    dialect: Dialect,
    named: Iterable[tuple[str, str]],
    known: Mapping[NameKey, int] = _NONE_KNOWN,
) -> tuple[dict[NameKey, int], bool]:
    """The id of the name of each product, given by its name and category; names met for the first time are added.

    known: ids that need no look-up. Returns with them whether one was added.
    """
    names: dict[NameKey, str] = {}
    for name, category in named:
        names.setdefault(name_identity(name, category), name)  # the first to have a name says how it is spelled
    ids = {key: known[key] for key in names if key in known}
    ids |= await _known(statements, sorted(names.keys() - ids.keys()))
    # In one order in every transaction, so that two that add the same names cannot wait for each other.
    missing = sorted(names.keys() - ids.keys())
    added = 0
    for start in range(0, len(missing), _KEYS_MAX):
        rows = [(*key, names[key]) for key in missing[start : start + _KEYS_MAX]]
        added += await statements.execute(
            f"{dialect.insert_ignore} INTO names (name_key, category, name)"
            f" VALUES {', '.join(['(%s, %s, %s)'] * len(rows))}",
            [part for row in rows for part in row],
        )
    ids |= await _known(statements, missing)
    return ids, added > 0


async def _known(statements: Statements, keys: list[NameKey]) -> dict[NameKey, int]:
    found: dict[NameKey, int] = {}
    for start in range(0, len(keys), _KEYS_MAX):
        chunk = keys[start : start + _KEYS_MAX]
        rows = await statements.fetch(
            "SELECT name_key, category, id FROM names"
            f" WHERE {' OR '.join(['(name_key = %s AND category = %s)'] * len(chunk))}",
            [part for key in chunk for part in key],
        )
        found |= {(name_key, category): name_id for name_key, category, name_id in rows}
    return found
