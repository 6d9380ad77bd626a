"""Farms: known by the products that name them, one per source, name, district and state."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from farmlokal.catalog.normalise import place_key
from farmlokal.catalog.records import ProductRecord
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Session

FarmKey = tuple[str, ...]
_KEYS_MAX = 200  # per statement
_NONE_KNOWN: Mapping[FarmKey, int] = MappingProxyType({})


def farm_key(record: ProductRecord) -> FarmKey:
    """The identity of the farm that `record` names: source, and the normalised name, district and state."""
    return (
        record.source,
        place_key(record.farm or ""),
        place_key(record.district or ""),
        place_key(record.state or ""),
    )


async def farm_ids(
    session: Session, dialect: Dialect, records: Iterable[ProductRecord], known: Mapping[FarmKey, int] = _NONE_KNOWN
) -> dict[FarmKey, int]:
    """The id of each farm that `records` name; farms met for the first time are added.

    known: ids that need no look-up.
    """
    names: dict[FarmKey, str] = {}
    for record in records:
        if record.farm:
            names.setdefault(farm_key(record), record.farm)  # the first to name a farm says how it is spelled
    ids = {key: known[key] for key in names if key in known}
    ids |= await _known(session, dialect, sorted(names.keys() - ids.keys()))
    # In one order in every transaction, so that two that add the same farms cannot wait for each other.
    missing = [[*key, names[key]] for key in sorted(names) if key not in ids]
    if missing:
        columns = "source, name_key, district_key, state_key, name"
        await session.execute_many(
            f"{dialect.insert_ignore} INTO farms ({columns}) VALUES (%s, %s, %s, %s, %s)", missing
        )
        ids |= await _known(session, dialect, [tuple(row[:4]) for row in missing])
    return ids


async def _known(session: Session, dialect: Dialect, keys: list[FarmKey]) -> dict[FarmKey, int]:
    """The ids of the farms that there are of some.

    Rows and a forced index: as conditions with OR between them, the same takes twice as long to plan, and a server that
    believes the table to be as small as it was when the load began reads all of it.
    """
    columns = "source, name_key, district_key, state_key"
    hint = dialect.identity_hint.format("farms")
    found: dict[FarmKey, int] = {}
    for start in range(0, len(keys), _KEYS_MAX):
        chunk = keys[start : start + _KEYS_MAX]
        wanted = dialect.row_list.format(", ".join(["(%s, %s, %s, %s)"] * len(chunk)))
        rows = await session.fetch_texts(
            f"SELECT {columns}, id FROM farms {hint} WHERE ({columns}) IN {wanted}",
            [part for key in chunk for part in key],
        )
        found |= {tuple([(text or b"").decode() for text in row[:4]]): int(row[4] or 0) for row in rows}
    return found
