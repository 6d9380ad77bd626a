"""Loads of rows that are mostly stored already: those that differ are seen, whatever else their batch holds."""

from typing import Any

import pytest

from farmlokal.catalog.records import MARKET_SOURCE
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.versions import Change
from farmlokal.database.interface import Session
from tests.catalog.upserting import Writing, deletion, record
from tests.support.backends import on_every_backend, on_every_server

CREATED, UPDATED, UNCHANGED = WriteOutcome.CREATED, WriteOutcome.UPDATED, WriteOutcome.UNCHANGED
OTHERS = [record(f"other-{number}") for number in range(8)]
# Everything that a source says of a product, but for what market files alone say.
DIFFERENT: dict[str, Any] = {
    **dict.fromkeys(("name", "unit", "farm", "market", "district", "state", "image_url", "description", "brand"), "2"),
    **dict.fromkeys(("lat", "lon", "rating"), 2.5),
    **dict.fromkeys(("price_paise", "stock", "organic"), 1),
    "category": "fruits",
    "created_at": "2024-06-01T00:00:00Z",
}


@pytest.fixture
async def load(write: Writing) -> Writing:
    """A load that has met nothing but unchanged rows in its last batch."""
    load = Writing(write.database, load=True)
    await load(record(), *OTHERS)
    assert [UNCHANGED] * 9 == await load(record(), *OTHERS)
    return load


@on_every_backend
async def test_a_load_of_unchanged_rows_sees_every_change(load: Writing) -> None:
    """Among unchanged rows, newer, other, older, new and deleted ones come to what they come to by themselves."""
    changes: dict[Change, WriteOutcome] = {
        record(version=2, price_paise=100): UPDATED,
        OTHERS[0]: UNCHANGED,
        OTHERS[1]._replace(version=0): WriteOutcome.OUTDATED,
        record("new", farm="Patil Farm"): CREATED,
        deletion("other-2", version=1): WriteOutcome.REJECTED,
        deletion("other-3", version=2): WriteOutcome.DELETED,
    }
    assert [*changes.values(), *[UNCHANGED] * 4] == await load(*changes, *OTHERS[4:])
    assert ["new", "okra-1", *[f"other-{number}" for number in (0, 1, 2, 4, 5, 6, 7)]] == await load.live()


@on_every_backend
async def test_each_field_is_seen_to_differ(load: Writing) -> None:
    """Under the stored version, whatever else a field says is seen, in a batch of rows that are unchanged."""
    rows = [record(field) for field in DIFFERENT]
    await load(*rows)
    assert [UNCHANGED] * len(rows) == await load(*rows)
    changed = [record(field, **{field: value}) for field, value in DIFFERENT.items()]
    assert [WriteOutcome.REJECTED] * len(rows) + [UNCHANGED] * 8 == await load(*changed, *OTHERS)


@on_every_backend
async def test_of_a_product_that_comes_twice_the_order_decides(load: Writing) -> None:
    """The stored version after a newer one is outdated, though it is what was stored when the batch began."""
    expected = [UPDATED, WriteOutcome.OUTDATED, *[UNCHANGED] * 8]
    assert expected == await load(record(version=2), record(), *OTHERS)


@on_every_backend
async def test_what_was_gone_by_absence_comes_back(load: Writing) -> None:
    """A row that a burial took is no unchanged one: the same version brings it back. An unchanged one was met."""
    assert [UNCHANGED] * 8 == await load(*OTHERS, sighting="run")
    load.pass_s(60)
    assert 1 == await load.writer.sightings.bury_unseen("feed", "run", before=load.now)
    assert [CREATED, *[UNCHANGED] * 8] == await load(record(), *OTHERS)


@on_every_backend
async def test_a_place_is_taken_for_a_market_row_that_had_none(load: Writing) -> None:
    """An unchanged row of a market file that knows where its market is places the product, once."""
    row = record("a|b", source=MARKET_SOURCE, said="words")
    await load(row)
    assert [UNCHANGED] == await load(row)
    assert [UPDATED, *[UNCHANGED] * 8] == await load(row._replace(lat=18.62, lon=73.8), *OTHERS)
    assert [(18.62, 73.8)] == await load.database.fetch("SELECT lat, lon FROM products WHERE lat IS NOT NULL")
    assert [UNCHANGED] * 9 == await load(row._replace(lat=18.62, lon=73.8), *OTHERS)


@on_every_server
async def test_unchanged_rows_are_not_waited_for(load: Writing) -> None:
    """A batch of unchanged rows goes through while another transaction has written to one of them."""
    other = Writing(load.database)

    async def hold(session: Session) -> list[WriteOutcome]:
        await other.writer.apply_in(session, [record(version=2)])
        return await load(record(), *OTHERS)

    assert [UNCHANGED] * 9 == await load.database.in_transaction(hold)
