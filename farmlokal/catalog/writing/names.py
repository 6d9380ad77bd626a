"""Names: known by the products that have them, one per normalised name and category. They are only ever added."""

from collections.abc import Iterable, Mapping, Set
from functools import lru_cache
from types import MappingProxyType

from farmlokal.catalog.normalise import text_key
from farmlokal.catalog.writing.name_units import add_units
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Statements

# Normalising may lengthen a name: then what stands at its end does not tell two apart.
NAME_KEY_CHARS_MAX = 255

NameKey = tuple[str, str]
"""The identity of a name: its normal form, and the category."""
NameUnit = tuple[NameKey, str]
"""A name's identity, and a unit that products with that name have."""
_KEYS_MAX = 200  # per statement
_NONE_KNOWN: Mapping[NameKey, int] = MappingProxyType({})
_NO_UNITS_KNOWN: frozenset[NameUnit] = frozenset()


@lru_cache(maxsize=16_384)  # a load has some thousand names
def name_identity(name: str, category: str) -> NameKey:
    """The identity of the name that a product with this `name` and `category` has."""
    return text_key(name)[:NAME_KEY_CHARS_MAX].rstrip(), category


async def name_ids(
    statements: Statements,
    dialect: Dialect,
    named: Iterable[tuple[str, str, str]],
    known: Mapping[NameKey, int] = _NONE_KNOWN,
    known_units: Set[NameUnit] = _NO_UNITS_KNOWN,
    *,
    keep_units: bool = True,
) -> tuple[dict[NameKey, int], bool]:
    """The id of the name of each product, given by its name, category and unit.

    Names met for the first time are added, and units met for the first time with a name. known, known_units: what needs
    no look-up. keep_units: whether there is a place for units: in the middle of an upgrade there may be none yet.
    Returns with the ids whether a name was added.
    """
    names: dict[NameKey, str] = {}
    used: set[NameUnit] = set()
    for name, category, unit in named:
        key = name_identity(name, category)
        names.setdefault(key, name)  # the first to have a name says how it is spelled
        used.add((key, unit))
    ids = {key: known[key] for key in names if key in known}
    used = used - known_units if keep_units else set()
    found, stored = await _known(statements, sorted(names.keys() - ids.keys() | {key for key, _ in used}), keep_units)
    ids |= found
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
    ids |= (await _known(statements, missing, keep_units))[0]
    await add_units(statements, dialect, {(ids[key], unit) for key, unit in used - stored})
    return ids, added > 0


async def _known(
    statements: Statements, keys: list[NameKey], with_units: bool
) -> tuple[dict[NameKey, int], set[NameUnit]]:
    """The ids of the names that there are of some, and the units that these have, in one look."""
    ids: dict[NameKey, int] = {}
    units: set[NameUnit] = set()
    if with_units:
        columns, tables = "name_key, category, id, unit", "names LEFT JOIN name_units ON name_id = id"
    else:
        columns, tables = "name_key, category, id, NULL", "names"
    for start in range(0, len(keys), _KEYS_MAX):
        chunk = keys[start : start + _KEYS_MAX]
        rows = await statements.fetch(
            f"SELECT {columns} FROM {tables} WHERE {' OR '.join(['(name_key = %s AND category = %s)'] * len(chunk))}",
            [part for key in chunk for part in key],
        )
        ids |= {(name_key, category): name_id for name_key, category, name_id, _ in rows}
        units |= {((name_key, category), unit) for name_key, category, _, unit in rows if unit is not None}
    return ids, units
