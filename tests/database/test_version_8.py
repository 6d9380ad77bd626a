"""From version 7 to 8: a category is stored as one byte, and nothing else is seen of it."""

import re
from collections.abc import AsyncIterator

import pytest

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.writing.mending import BATCHES
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.database.interface import Database
from farmlokal.database.migrations.version_8 import VERSION_8
from farmlokal.database.schema import (
    StoredVersion,
    check_schema,
    contract_schema,
    create_schema,
    our_shape,
    schema_faults,
    schema_text,
    statements,
)
from farmlokal.database.shape import found_shape
from tests.catalog.upserting import Writing, record
from tests.support.backends import database_on, on_every_backend, on_every_server

# All that version 7 had otherwise.
_ENUM = re.compile(r"ENUM\([^)]*\)")
_WORD = "VARCHAR(16)"
_WORDS = re.compile(r"'(\w+)'")
_SPELLED = "SELECT id, category FROM products WHERE live = 1 ORDER BY id"


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """A database of version 7 with a product of each category."""
    async with database_on(backend_url) as database:
        text = _ENUM.sub(_WORD, schema_text(database.dialect.name)).replace("SELECT 8, 6", "SELECT 7, 6")
        await database.run_script(statements(text))
        born = [record(f"of-{category}", category=category) for category in CATEGORIES]
        assert [WriteOutcome.CREATED] * len(born) == await Writing(database)(*born)
        yield database


async def of_category(database: Database, category: str) -> list[str]:
    """Which products the index of a category has."""
    hint = database.dialect.index_hint.format("listing_of_category_by_price")
    rows = await database.fetch(
        f"SELECT external_id FROM products {hint} WHERE live = 1 AND category = %s ORDER BY price, id", (category,)
    )
    return [external_id for (external_id,) in rows]


@on_every_backend
async def test_before_and_after_the_contract_step_categories_are_words(database: Database) -> None:
    """A database of version 7 is used as it is, and contracted: rows, indexes and writes are as before."""
    assert StoredVersion(7, 6) == await create_schema(database, batches=BATCHES)
    await check_schema(database)
    before = await database.fetch(_SPELLED)
    assert list(CATEGORIES) == [category for _, category in before]
    assert StoredVersion(8, 6) == await contract_schema(database, batches=BATCHES)
    assert [] == await schema_faults(database)
    assert before == await database.fetch(_SPELLED)
    write = Writing(database)
    assert [WriteOutcome.UPDATED] == await write(record("of-milk", 2, category="honey"))
    assert [WriteOutcome.CREATED] == await write(record("new", category="other"))
    assert (["of-honey", "of-milk"], [], ["of-other", "new"]) == (
        sorted(await of_category(database, "honey")),
        await of_category(database, "milk"),
        await of_category(database, "other"),
    )


@on_every_server
async def test_a_word_is_no_fault_until_the_contract_step(database: Database) -> None:
    """The column of version 7 is as it should be there; in a database that says 8 it is damage."""
    await create_schema(database, batches=BATCHES)
    assert [] == await schema_faults(database, [VERSION_8])
    (fault,) = await schema_faults(database)
    assert fault.startswith("column products.category is varchar(16) ascii_bin not null, not enum('vegetables',")


@on_every_server
async def test_a_copy_that_was_made_is_not_made_again(database: Database) -> None:
    """Killed between the change and the note of it, the contract step sees the change and goes on."""
    (change,) = VERSION_8.contract
    assert not change.in_place(await found_shape("mysql", database.fetch))
    await database.run_script([change.mysql])
    assert change.in_place(await found_shape("mysql", database.fetch))
    assert StoredVersion(8, 6) == await contract_schema(database, batches=BATCHES)
    assert list(CATEGORIES) == [category for _, category in await database.fetch(_SPELLED)]


def test_the_schema_has_the_categories_that_there_are() -> None:
    """Whoever adds one hears that the column has to take it, at its end: anywhere else every row is written anew."""
    words = _WORDS.findall(our_shape("mysql")["products"].columns["category"])
    assert sorted(CATEGORIES) == sorted(words)
    first = _WORDS.findall(VERSION_8.contract[0].mysql)
    assert first == words[: len(first)]


@on_every_server
async def test_a_word_more_is_no_fault_at_the_end_alone(database: Database) -> None:
    """A release that knows a further category adds it while this one is at work, which goes on starting."""
    await contract_schema(database, batches=BATCHES)
    change = VERSION_8.contract[0].mysql
    instantly = change.replace("COPY, LOCK = SHARED", "INSTANT")
    await database.run_script([instantly.replace("'other')", "'other', 'tea')")])
    assert [] == await schema_faults(database)
    await database.run_script([change.replace("ENUM('vegetables'", "ENUM('tea', 'vegetables'")])
    (fault,) = await schema_faults(database)
    assert fault.startswith("column products.category is enum('tea','vegetables',")
