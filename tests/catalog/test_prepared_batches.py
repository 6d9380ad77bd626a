"""What is found out about a batch ahead of its transaction: true or not by then, the batch comes to the same."""

from itertools import count
from typing import Any

import aiomysql
import pytest
from pymysql.constants import ER

from farmlokal.catalog.tags import NAMES
from farmlokal.catalog.writing.ahead import Ready
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.versions import Change
from farmlokal.database.interface import Session
from tests.catalog.upserting import Writing, deletion, record
from tests.support.backends import on_every_backend, on_every_server

CREATED, UPDATED, UNCHANGED = WriteOutcome.CREATED, WriteOutcome.UPDATED, WriteOutcome.UNCHANGED
OTHERS = [record(f"other-{number}") for number in range(8)]


@pytest.fixture
async def load(write: Writing) -> Writing:
    """A load that has met nothing but new rows in its last batch."""
    load = Writing(write.database, load=True)
    await load(*OTHERS)
    return load


async def applied(load: Writing, ready: Ready) -> list[WriteOutcome]:
    """Apply what was prepared; its outcomes."""

    async def work(session: Session) -> list[WriteOutcome]:
        return [one.outcome for one in await load.writer.apply_ready(session, ready)]

    return await load.database.in_transaction(work)


@on_every_backend
async def test_new_products_are_as_they_would_be_without(load: Writing) -> None:
    """Every column is the same, of plain rows and of those whose text has to be escaped."""
    fields: dict[str, Any] = {
        "farm": "Patil's Farm",
        "district": "Pune",
        "lat": 18.62,
        "lon": 73.8,
        "description": "a\nb",
    }
    changes: list[Change] = [record("one"), record("two", **fields), record("two", version=2), deletion("gone")]
    assert [CREATED, CREATED, UPDATED, UNCHANGED] == await applied(load, await load.writer.prepare(changes))
    again = [one._replace(external_id=f"{one.external_id}-again") for one in changes]
    assert [CREATED, CREATED, UPDATED, UNCHANGED] == await load(*again)
    rows = await load.database.fetch_unlimited("SELECT * FROM products ORDER BY id")
    assert [row[3:] for row in rows[-6:-3]] == [row[3:] for row in rows[-3:]]


@on_every_server
async def test_new_products_are_worked_out_ahead(load: Writing) -> None:
    """After a batch of new products alone; not where names are known no more, or market files may have others."""
    assert (await load.writer.prepare([record("new")])).if_new is not None
    assert (await load.writer.prepare([record("new", source="mandi")])).if_new is None
    await load(*OTHERS)
    assert (await load.writer.prepare([record("new")])).if_new is None


@on_every_backend
async def test_a_product_that_came_meanwhile_is_seen(load: Writing) -> None:
    """What was expected to be new is looked at when it is not: its version decides, and others come through."""
    changes = [record("new"), record("newer", version=2), record("older")]
    ready = await load.writer.prepare(changes)
    other = Writing(load.database)
    await other(record("newer"), record("older", version=2))
    assert [CREATED, UPDATED, WriteOutcome.OUTDATED] == await applied(load, ready)
    assert (2, 2) == ((await load.product("newer")).version, (await load.product("older")).version)


@on_every_backend
async def test_the_batch_before_may_bring_the_same_products(load: Writing) -> None:
    """A batch that is prepared while the one before is under way, of the same products, comes after it."""
    ready = await load.writer.prepare([record("twice"), record("once")])
    assert [CREATED] == await load(record("twice", version=2, price_paise=100))
    assert [WriteOutcome.OUTDATED, CREATED] == await applied(load, ready)
    assert 2 == (await load.product("twice")).version


@on_every_server
async def test_a_transaction_that_is_run_again_does_the_same(load: Writing) -> None:
    """Where the first attempt is rolled back after its rows were written, the second writes them."""
    ready = await load.writer.prepare([record("new", farm="Patil Farm")])
    attempts = 0

    async def work(session: Session) -> list[WriteOutcome]:
        nonlocal attempts
        attempts += 1
        outcomes = [one.outcome for one in await load.writer.apply_ready(session, ready)]
        if attempts == 1:
            # The key of a row that is there: as a transaction that others were in the way of, it is run again.
            await session.execute("INSERT INTO names (name_key, category, name) VALUES ('okra', 'vegetables', 'Okra')")
        return outcomes

    assert [CREATED] == await load.database.in_transaction(work)
    assert (2, 1) == (attempts, (await load.product("new")).live)


@on_every_server
async def test_a_name_is_told_of_however_often_its_batch_is_written(load: Writing) -> None:
    """A transaction that the server undid is run again, and touches the names as at first."""
    ready = await load.writer.prepare([record("new", name="Drumstick")])
    attempts = count(1)

    async def work(session: Session) -> set[str]:
        tags = {tag for one in await load.writer.apply_ready(session, ready) for tag in one.tags}
        if next(attempts) == 1:
            raise aiomysql.OperationalError(ER.LOCK_DEADLOCK, "made up")
        return tags

    assert NAMES in await load.database.in_transaction(work)
    assert 3 == next(attempts)
    (later,) = await load.writer.apply([record("later", name="Drumstick")])
    assert NAMES not in later.tags
