"""How many products places and farms have, counted and kept in the tables of the directory."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

from farmlokal.catalog.normalise import place_key
from farmlokal.catalog.question.directory import LEVELS, name_words
from farmlokal.database.dialect import IN_VALUES_MAX
from farmlokal.database.interface import Database, Params, Row, Session

# Of a table of 500 bytes a row a statement then reads some 10 MB, in 50 ms.
_IDS_PER_STATEMENT = 20_000
_FARMS_PER_STATEMENT = 2_000
# Rows that one transaction keeps locked for a moment.
_ROWS_PER_TRANSACTION = IN_VALUES_MAX
# Every statement is followed by a pause as long as itself, so that a pass takes half of one connection at most; and not
# by none, for what is read is worked up on the event loop.
_PAUSE_MIN_S = 0.005

Key = tuple[int | str, ...]


class _Table(NamedTuple):
    """A table of the directory, and the columns that tell its rows apart."""

    name: str
    key: tuple[str, ...]


_PLACES = _Table("places", ("level", "state_key", "district_key", "market_key"))
_FARMS = _Table("listed_farms", ("id", "district_key"))


class Counted(NamedTuple):
    """What the directory says of a place or a farm: its columns beside those that tell it apart."""

    words: str
    name: str
    district: str | None
    state: str | None
    products: int


async def count_directory(database: Database) -> int:
    """Count the live products of every place and every farm, and keep what has changed.

    Reads the whole catalogue once, in pieces: background work. Returns how many entries have changed. Raises
    DatabaseUnavailable.
    """
    places = await _counted_places(database)
    changed = await _keep(database, _PLACES, places, await _stored(database, _PLACES, "1 = 1"))
    ((last_id,),) = await database.fetch_unlimited("SELECT COALESCE(MAX(id), 0) FROM farms")
    for after in range(0, last_id, _FARMS_PER_STATEMENT):
        changed += await _count_farms(database, places, after, after + _FARMS_PER_STATEMENT)
    return changed


async def _fetch(database: Database, sql: str, params: Params) -> Sequence[Row]:
    """The rows of one statement of many, and a pause."""
    began_s = time.monotonic()
    rows = await database.fetch_unlimited(sql, params)
    await asyncio.sleep(max(_PAUSE_MIN_S, time.monotonic() - began_s))
    return rows


async def _counted_places(database: Database) -> dict[Key, Counted]:
    """Every place with its number of products.

    Of a place that products spell in several ways, the one that comes first in the order of code points is shown.
    """
    ((last_id,),) = await database.fetch_unlimited("SELECT COALESCE(MAX(id), 0) FROM products")
    found: dict[Key, Counted] = {}
    for after in range(0, last_id, _IDS_PER_STATEMENT):
        rows = await _fetch(
            database,
            "SELECT MIN(state), state_key, MIN(district), district_key, market, COUNT(*) FROM products"
            " WHERE id > %s AND id <= %s AND live = 1 GROUP BY state_key, district_key, market",
            (after, after + _IDS_PER_STATEMENT),
        )
        for row in rows:
            for key, one in _places_of(*row):
                known = found.get(key)
                if known is not None:
                    name = min(known.name, one.name)
                    one = Counted(known.words, name, known.district, known.state, known.products + one.products)
                found[key] = one
    return found


def _places_of(
    state: str | None,
    state_key: str | None,
    district: str | None,
    district_key: str | None,
    market: str | None,
    products: int,
) -> list[tuple[Key, Counted]]:
    """The state, the district and the market that some products are at, so far as they say so."""
    in_state, in_district = state_key or "", district_key or ""
    found: list[tuple[Key, Counted]] = []
    if state is not None:
        found.append(((LEVELS["state"], in_state, "", ""), Counted(name_words(state), state, None, None, products)))
    if district is not None:
        counted = Counted(name_words(district), district, None, state, products)
        found.append(((LEVELS["district"], in_state, in_district, ""), counted))
    if market is not None:
        counted = Counted(name_words(market), market, district, state, products)
        found.append(((LEVELS["market"], in_state, in_district, place_key(market)), counted))
    return found


async def _count_farms(database: Database, places: Mapping[Key, Counted], after: int, last: int) -> int:
    """Count the products of the farms with ids above one and up to another, and keep what has changed.

    places: for the names of their districts and states. Returns how many have changed.
    """
    hint = database.dialect.index_hint.format("listing_of_farm_by_name")
    rows = await _fetch(
        database,
        "SELECT counted.farm_id, farms.name, farms.district_key, farms.state_key, counted.products FROM"
        f" (SELECT farm_id, COUNT(*) AS products FROM products {hint}"
        " WHERE live = 1 AND farm_id > %s AND farm_id <= %s GROUP BY farm_id) AS counted"
        " JOIN farms ON farms.id = counted.farm_id",
        (after, last),
    )
    counted: dict[Key, Counted] = {}
    for farm_id, name, district_key, state_key, products in rows:
        district = places.get((LEVELS["district"], state_key, district_key, ""))
        state = places.get((LEVELS["state"], state_key, "", ""))
        in_district, in_state = district and district.name, state and state.name
        counted[farm_id, district_key] = Counted(name_words(name), name, in_district, in_state, products)
    stored = await _stored(database, _FARMS, "id > %s AND id <= %s", (after, last))
    return await _keep(database, _FARMS, counted, stored)


async def _stored(database: Database, table: _Table, condition: str, params: Params = ()) -> dict[Key, Counted]:
    columns = ", ".join((*table.key, *Counted._fields))
    rows = await database.fetch_unlimited(f"SELECT {columns} FROM {table.name} WHERE {condition}", params)
    return {tuple(row[: len(table.key)]): Counted(*row[len(table.key) :]) for row in rows}


async def _keep(
    database: Database, table: _Table, counted: Mapping[Key, Counted], stored: Mapping[Key, Counted]
) -> int:
    """Make the rows of a table that were `stored` those that were `counted`. Returns how many have changed."""
    columns = (*table.key, *Counted._fields)
    this_row = " AND ".join([f"{name} = %s" for name in table.key])
    # What another process has put there meanwhile is left to the next pass.
    insert = (
        f"{database.dialect.insert_ignore} INTO {table.name} ({', '.join(columns)})"
        f" VALUES ({', '.join(['%s'] * len(columns))})"
    )
    update = f"UPDATE {table.name} SET {', '.join([f'{name} = %s' for name in Counted._fields])} WHERE {this_row}"
    new: list[Params] = [(*key, *one) for key, one in counted.items() if key not in stored]
    other: list[Params] = [(*one, *key) for key, one in counted.items() if stored.get(key, one) != one]
    gone: list[Params] = [key for key in stored if key not in counted]
    for sql, rows in ((insert, new), (update, other), (f"DELETE FROM {table.name} WHERE {this_row}", gone)):
        for start in range(0, len(rows), _ROWS_PER_TRANSACTION):
            await database.in_transaction(partial(_execute, sql, rows[start : start + _ROWS_PER_TRANSACTION]))
    return len(new) + len(other) + len(gone)


async def _execute(sql: str, rows: Sequence[Params], session: Session) -> None:
    await session.execute_many(sql, rows)
