"""What a record or a deletion does to the row of its identity: versions decide."""

from typing import Any

import pytest

from farmlokal.catalog.records import PLACE_CHARS_MAX
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome
from farmlokal.catalog.writing.versions import Change
from tests.catalog.upserting import START, Writing, deletion, record
from tests.support.backends import on_every_backend

CREATED, UPDATED, DELETED = WriteOutcome.CREATED, WriteOutcome.UPDATED, WriteOutcome.DELETED
UNCHANGED, OUTDATED, REJECTED = WriteOutcome.UNCHANGED, WriteOutcome.OUTDATED, WriteOutcome.REJECTED

EARLIER = "2025-01-01T00:00:00Z"
FULL: dict[str, Any] = {
    "farm": "Patil Farm",
    "market": "Pimpri",
    "district": "Pune",
    "state": "Maharashtra",
    "lat": 18.62,
    "lon": 73.8,
    "stock": 120,
    "organic": True,
    "rating": 4.4,
    "created_at": EARLIER,
}

pytestmark = on_every_backend


async def test_a_newer_version_replaces_the_row(write: Writing) -> None:
    """The row keeps its id and creation; the rest is the new record's."""
    assert [CREATED] == await write(record(version=1, **FULL))
    first = await write.product()
    later = write.pass_s(60)
    assert [UPDATED] == await write(record(version=2, name="Lady's Finger", **FULL))
    assert first._replace(version=2, name="Lady's Finger", updated_at=later) == await write.product()


async def test_an_older_version_has_no_effect(write: Writing) -> None:
    """A record or deletion of an older version is outdated, and the row stays to the second."""
    await write(record(version=5))
    before = await write.product()
    write.pass_s(60)
    assert [OUTDATED, OUTDATED] == await write(record(version=4, name="Old"), deletion(version=3))
    assert before == await write.product()


async def test_the_same_version_again_is_unchanged(write: Writing) -> None:
    """The same content under the same version has no second effect: not even on the time of the update."""
    await write(record(version=5, **FULL))
    before = await write.product()
    write.pass_s(60)
    assert [UNCHANGED] == await write(record(version=5, **FULL))
    assert before == await write.product()


@pytest.mark.parametrize("field", ["name", *FULL])
async def test_the_same_version_with_other_content_is_rejected(write: Writing, field: str) -> None:
    """A version stands for one content: another, in whichever field, is rejected with the reason."""
    await write(record(version=5, **FULL))
    before = await write.product()
    others = FULL | {"name": "Other", field: {"name": "Okra 2"}.get(field)}
    expected = Applied(REJECTED, "version 5 is already here with other content")
    assert [expected] == await write.applied(record(version=5, **others))
    assert before == await write.product()


async def test_absent_fields_become_null_or_false(write: Writing) -> None:
    """What the newer record does not say is gone, but for the stock and the creation."""
    await write(record(version=1, **FULL))
    await write(record(version=2))
    columns = "farm_id, farm_name, market, district, district_key, state, state_key, lat, lon, rating"
    ((*nulls, organic),) = await write.database.fetch(f"SELECT {columns}, organic FROM products")
    assert [None] * len(nulls) == nulls
    assert 0 == organic


async def test_absent_stock_and_creation_keep_their_values(write: Writing) -> None:
    """The newer record that says neither keeps both; one that says them sets them."""
    await write(record(version=1, stock=120, created_at=EARLIER))
    await write(record(version=2))
    kept = await write.product()
    assert (120, EARLIER) == (kept.stock, kept.created_at)
    await write(record(version=3, stock=0, created_at="2024-06-01T00:00:00Z"))
    said = await write.product()
    assert (0, "2024-06-01T00:00:00Z") == (said.stock, said.created_at)


async def test_a_new_row_starts_without_stock_at_its_arrival(write: Writing) -> None:
    """A first record that says neither has no stock and was created when it arrived, also after a later update."""
    await write(record(version=1))
    write.pass_s(60)
    await write(record(version=2))
    row = await write.product()
    assert (0, wire_time(START)) == (row.stock, row.created_at)


async def test_a_deletion_leaves_a_tombstone_that_keeps_the_version(write: Writing) -> None:
    """After a deletion, an older record stays out and a newer one brings the row back under its id."""
    await write(record(version=1, stock=7))
    row_id = (await write.product()).id
    assert [DELETED] == await write(deletion(version=5))
    tombstone = await write.product()
    assert (row_id, 5, 0) == (tombstone.id, tombstone.version, tombstone.live)
    assert [OUTDATED] == await write(record(version=4))
    assert [REJECTED] == await write(record(version=5))
    assert [UNCHANGED] == await write(deletion(version=5))
    assert [] == await write.live()
    assert [CREATED] == await write(record(version=6))
    revived = await write.product()
    assert (row_id, 6, 1, 7) == (revived.id, revived.version, revived.live, revived.stock)


async def test_the_deletion_of_what_never_came_keeps_older_records_out(write: Writing) -> None:
    """When the deletion overtakes the record, the record is outdated; a newer one is not."""
    assert [UNCHANGED] == await write(deletion(version=5))
    assert [OUTDATED] == await write(record(version=4))
    assert [] == await write.live()
    assert [CREATED] == await write(record(version=6))
    assert ["okra-1"] == await write.live()


async def test_a_record_does_not_undo_a_deletion_of_its_version(write: Writing) -> None:
    """Of a record and a deletion under one version, the first to come stands."""
    await write(record("okra-1", 5), deletion("okra-2", 5))
    assert [REJECTED, REJECTED] == await write(deletion("okra-1", 5), record("okra-2", 5))
    assert ["okra-1"] == await write.live()


async def test_one_identity_several_times_in_a_batch(write: Writing) -> None:
    """The changes of a batch act in their order, each on what the one before left."""
    outcomes = await write(
        record(version=2, stock=5),
        record(version=1),
        record(version=3, name="Third"),
        record(version=3, name="Another third"),
        deletion(version=4),
        record(version=6, name="Sixth"),
        record(version=6, name="Sixth"),
        deletion(version=5),
    )
    assert [CREATED, OUTDATED, UPDATED, REJECTED, DELETED, CREATED, UNCHANGED, OUTDATED] == outcomes
    row = await write.product()
    assert (6, 1, "Sixth", 5) == (row.version, row.live, row.name, row.stock)
    assert [DELETED, OUTDATED] == await write(deletion(version=8), record(version=7))
    assert [] == await write.live()


async def test_a_deletion_keeps_what_its_own_batch_set(write: Writing) -> None:
    """A stock and a creation that came just before the deletion are kept for the return, as if in separate batches."""
    await write(record(version=1))
    await write(record(version=2, stock=9, created_at=EARLIER), deletion(version=3))
    assert [CREATED] == await write(record(version=4))
    row = await write.product()
    assert (9, EARLIER) == (row.stock, row.created_at)


async def test_an_identity_belongs_to_its_source(write: Writing) -> None:
    """Two sources may use one external id for two products."""
    assert [CREATED, CREATED] == await write(record(version=5), record(version=1, source="seed"))
    assert [DELETED, OUTDATED] == await write(deletion(version=5, source="seed"), deletion(version=4))
    assert 1 == (await write.product()).live
    assert 0 == (await write.product(source="seed")).live


async def test_external_ids_differ_by_case_and_accent(write: Writing) -> None:
    """No collation makes one identity of two."""
    names = ["okra", "Okra", "ökra", "okra 1", "okra-1", "भिंडी", "🌶"]
    assert [CREATED] * len(names) == await write(*[record(name) for name in names])
    assert sorted(names) == await write.live()


async def test_a_large_batch_of_every_kind(write: Writing) -> None:
    """3,000 changes at once, new and newer and older and gone, come to what they come to one by one."""
    await write(*[record(f"p{number}", 5, farm=f"Farm {number % 40}") for number in range(2000)])
    batch: list[Change] = [
        *[record(f"p{number}", 6, name="Newer", farm=f"Farm {number % 50}") for number in range(1000)],
        *[record(f"p{number}", 4) for number in range(1000, 1250)],
        *[record(f"p{number}", 5, farm=f"Farm {number % 40}") for number in range(1250, 1500)],
        *[deletion(f"p{number}", 7) for number in range(1500, 2000)],
        *[record(f"p{number}", 1) for number in range(2000, 3000)],
    ]
    outcomes = await write(*batch)
    expected = [UPDATED] * 1000 + [OUTDATED] * 250 + [UNCHANGED] * 250 + [DELETED] * 500 + [CREATED] * 1000
    assert expected == outcomes
    gone = {f"p{number}" for number in range(1500, 2000)}
    assert sorted({f"p{number}" for number in range(3000)} - gone) == await write.live()
    named = await write.database.fetch_unlimited("SELECT COUNT(*) FROM products WHERE name = 'Newer' AND version = 6")
    assert [(1000,)] == named


async def test_the_longest_texts_and_largest_numbers_fit(write: Writing) -> None:
    """Every field at its limit is stored, also where folding the case of a name makes it twice as long."""
    place = "ß" * PLACE_CHARS_MAX
    largest = record(
        "🌶" * 191,
        2**63 - 1,
        source="s" * 32,
        name="ﷺ" * 200,
        price_paise=999_999_999_99,
        unit="u" * 16,
        farm=place,
        market=place,
        district=place,
        state=place,
        lat=-90.0,
        lon=180.0,
        stock=2**31 - 1,
        rating=5.0,
        created_at="9998-12-31T23:59:59Z",
    )
    assert [CREATED] == await write(largest)
    assert [UNCHANGED] == await write(largest)
    row = await write.product(largest.external_id, largest.source)
    assert (2**63 - 1, 2**31 - 1, "9998-12-31T23:59:59Z") == (row.version, row.stock, row.created_at)
    assert row.farm_id is not None
    price = write.database.dialect.price_sql
    shown = await write.database.fetch(f"SELECT {price}, lat, lon, district FROM products")
    assert [("999999999.99", -90.0, 180.0, place)] == shown
