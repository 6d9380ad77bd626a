"""What market files say that products cost, day by day: kept in the transaction that writes the products.

One row for each product and day, whatever the order in which files come. A later file of the day replaces what an
earlier one said, as it does with the product itself; of two rows of one file the first counts. The same words that are
read by newer tables replace what those of before made of them.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.versions import DAY_S, Change, Decision, Identity, Stored
from farmlokal.database.dialect import IN_VALUES_MAX
from farmlokal.database.interface import Session


class PriceDay(NamedTuple):
    """What a product cost on one day; the fields are the columns of `price_days`.

    day: days since 1970-01-01. sequence: of the file that said it last. said: a checksum of its words. unit: what the
    prices are for one of. min_paise, max_paise: None where the file gave none.
    """

    product_id: int
    day: int
    sequence: int
    said: int
    unit: str
    min_paise: int | None
    modal_paise: int
    max_paise: int | None


Key = tuple[int, int]
"""Product and day."""

_COLUMNS = ", ".join(PriceDay._fields)
_INSERT = f"INSERT INTO price_days ({_COLUMNS}) VALUES ({', '.join(['%s'] * len(PriceDay._fields))})"
_UPDATE = (
    f"UPDATE price_days SET {', '.join(f'{name} = %s' for name in PriceDay._fields[2:])}"
    " WHERE product_id = %s AND day = %s"
)
# The column has whole numbers of both signs.
_MIDDLE = 2**31


def days_told(
    products: Mapping[Identity, Stored], told: Sequence[Change], decisions: Sequence[Decision]
) -> list[PriceDay]:
    """What the rows of market files among `told` say of their days, but for what is known to be kept.

    products: what is stored, new ones too by now. decisions: on `told`. What a product's row has the version and the
    content of was kept in the transaction that wrote these.
    """
    days: list[PriceDay] = []
    for change, decision in zip(told, decisions, strict=True):
        if isinstance(change, ProductRecord) and change.said is not None:
            product = products[change.source, change.external_id]
            kept = decision.outcome is WriteOutcome.UNCHANGED and not (product.changed or product.confirmed)
            if product.id is not None and not kept:
                days.append(_day_of(product.id, change))
    return days


def _day_of(product_id: int, record: ProductRecord) -> PriceDay:
    day, sequence = divmod(record.version, DAY_S)
    said = crc32((record.said or "").encode()) - _MIDDLE
    prices = (record.min_paise, record.price_paise, record.max_paise)
    return PriceDay(product_id, day, sequence, said, record.unit, *prices)


def changes(days: Iterable[PriceDay], stored: Mapping[Key, PriceDay]) -> dict[Key, PriceDay]:
    """What is to be written of `days`, in their order, where `stored` is there."""
    written: dict[Key, PriceDay] = {}
    for one in days:
        key = one.product_id, one.day
        held = written.get(key) or stored.get(key)
        if held is None or _replaces(one, held):
            written[key] = one
    return written


def _replaces(one: PriceDay, held: PriceDay) -> bool:
    if one.sequence != held.sequence:
        return one.sequence > held.sequence
    return one.said == held.said and one != held


async def keep_days(session: Session, days: Sequence[PriceDay], *, known: Container[int | None]) -> set[int]:
    """Keep `days` in a transaction that has their products' rows locked. Returns the products of which any is new.

    known: the products that were there before; nothing is looked up for the others.
    """
    keys = sorted({(one.product_id, one.day) for one in days if one.product_id in known})
    stored = {(one.product_id, one.day): one for one in await _stored(session, keys)}
    written = changes(days, stored)
    new = [one for key, one in sorted(written.items()) if key not in stored]
    if new:
        await session.execute_many(_INSERT, new)
    if len(new) < len(written):
        replaced = [(*one[2:], *key) for key, one in sorted(written.items()) if key in stored]
        await session.execute_many(_UPDATE, replaced)
    return {product_id for product_id, _ in written}


async def move_days(session: Session, gone_id: int, kept_id: int) -> None:
    """Give the days of a product to the one that it is merged into; both are locked.

    Of a day that both have, what the later file said is kept.
    """
    theirs = await _days_of(session, gone_id)
    if not theirs:
        return
    stored = {(one.product_id, one.day): one for one in await _days_of(session, kept_id)}
    written = changes([one._replace(product_id=kept_id) for one in theirs], stored)
    replaced = [key for key in written if key in stored]
    await session.execute_many("DELETE FROM price_days WHERE product_id = %s AND day = %s", replaced)
    left = [(gone_id, one.day) for one in theirs if (kept_id, one.day) not in written]
    await session.execute_many("DELETE FROM price_days WHERE product_id = %s AND day = %s", left)
    await session.execute("UPDATE price_days SET product_id = %s WHERE product_id = %s", (kept_id, gone_id))


async def _stored(session: Session, keys: Sequence[Key]) -> list[PriceDay]:
    """The rows of `keys`, by one statement for each of the days or of the products, whichever are fewer.

    A file has many products of a day, or many days of a product. (Measured on MariaDB 10.11, 1,000 keys: half of the
    server's time that an OR of all keys takes.)
    """
    by_day: dict[int, list[int]] = {}
    by_product: dict[int, list[int]] = {}
    for product_id, day in keys:
        by_day.setdefault(day, []).append(product_id)
        by_product.setdefault(product_id, []).append(day)
    if len(by_day) <= len(by_product):
        return await _rows(session, "day", "product_id", by_day)
    return await _rows(session, "product_id", "day", by_product)


async def _rows(session: Session, one: str, many: str, groups: Mapping[int, Sequence[int]]) -> list[PriceDay]:
    found: list[PriceDay] = []
    for value, others in groups.items():
        for start in range(0, len(others), IN_VALUES_MAX):
            chunk = others[start : start + IN_VALUES_MAX]
            marks = ", ".join(["%s"] * len(chunk))
            sql = f"SELECT {_COLUMNS} FROM price_days WHERE {one} = %s AND {many} IN ({marks})"
            found += map(_day, await session.fetch(sql, (value, *chunk)))
    return found


async def _days_of(session: Session, product_id: int) -> list[PriceDay]:
    return [
        _day(row)
        for row in await session.fetch(f"SELECT {_COLUMNS} FROM price_days WHERE product_id = %s", (product_id,))
    ]


def _day(row: tuple[Any, ...]) -> PriceDay:
    product_id, day, sequence, said, unit, lowest, modal, highest = row
    return PriceDay(product_id, day, sequence, said, unit, _whole(lowest), int(modal), _whole(highest))


def _whole(paise: Any) -> int | None:
    """A column of whole paise, which some drivers give as decimals."""
    return None if paise is None else int(paise)
