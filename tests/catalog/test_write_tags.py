"""Which cache tags a change touches: the listing, the product's own, and the categories that it leaves and enters."""

from typing import NamedTuple

import pytest

from farmlokal.catalog.tags import NAMES
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.stock import StockWriter
from farmlokal.catalog.writing.versions import Change
from farmlokal.database.interface import Session
from tests.catalog.upserting import Writing, deletion, record
from tests.support.backends import on_every_backend

CREATED, UPDATED, DELETED = WriteOutcome.CREATED, WriteOutcome.UPDATED, WriteOutcome.DELETED
UNCHANGED, OUTDATED, REJECTED = WriteOutcome.UNCHANGED, WriteOutcome.OUTDATED, WriteOutcome.REJECTED
NO_TAGS: frozenset[str] = frozenset()

pytestmark = on_every_backend


class StockChange(NamedTuple):
    """What a change of stock returns: the tags, and why nothing was changed."""

    tags: frozenset[str]
    refused: str | None


async def tags_of(write: Writing, *changes: Change) -> list[tuple[WriteOutcome, frozenset[str]]]:
    """Apply `changes` in one batch. Returns the outcome of each, and its tags but for that of the names."""
    return [(one.outcome, one.tags - {NAMES}) for one in await write.applied(*changes)]


async def touched(write: Writing, *categories: str, external_id: str = "okra-1") -> frozenset[str]:
    """The tags of a change to the stored product `external_id` that was seen in `categories`."""
    row = await write.product(external_id)
    return frozenset({"products", f"product/{row.id}", *(f"category/{name}" for name in categories)})


async def change_stock(write: Writing, by: int, external_id: str = "okra-1") -> StockChange:
    """Change the stock of one product of the feed."""
    stock = StockWriter(write.database, now=lambda: write.now)

    async def work(session: Session) -> StockChange:
        stocks = await stock.lock_in(session, {("feed", external_id)})
        change = StockChange(*stocks.change("feed", external_id, by))
        stocks.write()
        return change

    return await write.database.in_transaction(work)


@pytest.fixture
async def stocked(write: Writing) -> Writing:
    """Writes to a catalogue of one vegetable, ten of it."""
    await write(record(version=1, stock=10))
    return write


async def test_a_new_product(write: Writing) -> None:
    """A first record touches its category and the id that the database gave it."""
    await write(record("other", 1))
    applied = await tags_of(write, record(version=1, category="eggs"))
    assert [(CREATED, await touched(write, "eggs"))] == applied


async def test_many_new_products_know_their_own_ids(write: Writing) -> None:
    """Each of a batch's new products is given its own id, among rows that are replaced and buried."""
    await write(record("p3", 1), record("p7", 1))
    changes: list[Change] = [record(f"p{number}", 2, category="milk") for number in range(700)]
    changes[7] = deletion("p7", 2)
    applied = await tags_of(write, *changes)
    expected = [(CREATED, await touched(write, "milk", external_id=f"p{number}")) for number in range(700)]
    expected[3] = (UPDATED, await touched(write, "vegetables", "milk", external_id="p3"))
    expected[7] = (DELETED, await touched(write, "vegetables", external_id="p7"))
    assert expected == applied


async def test_a_replaced_product(stocked: Writing) -> None:
    """A newer record touches the category once where it stays there, and both where it moves."""
    assert [(UPDATED, await touched(stocked, "vegetables"))] == await tags_of(stocked, record(version=2, name="Bhindi"))
    moved = await tags_of(stocked, record(version=3, category="fruits"))
    assert [(UPDATED, await touched(stocked, "vegetables", "fruits"))] == moved


async def test_a_deleted_product(stocked: Writing) -> None:
    """A deletion touches the category that the product was in."""
    assert [(DELETED, await touched(stocked, "vegetables"))] == await tags_of(stocked, deletion(version=2))


async def test_a_product_that_comes_back(stocked: Writing) -> None:
    """A tombstone is on no page: its return touches the new category alone."""
    await stocked(deletion(version=2))
    back = await tags_of(stocked, record(version=3, category="fruits"))
    assert [(CREATED, await touched(stocked, "fruits"))] == back


async def test_a_product_that_was_gone_by_absence(stocked: Writing) -> None:
    """The same version brings back what a replacing run buried, and touches its category."""
    stocked.pass_s(60)
    assert 1 == await stocked.writer.sightings.bury_unseen("feed", "run", before=stocked.now)
    assert [(CREATED, await touched(stocked, "vegetables"))] == await tags_of(stocked, record(version=1, stock=10))


async def test_the_deletion_of_what_never_came(write: Writing) -> None:
    """It leaves a tombstone and touches nothing; so does a second, newer deletion."""
    assert [(UNCHANGED, NO_TAGS)] == await tags_of(write, deletion(version=5))
    assert [(UNCHANGED, NO_TAGS)] == await tags_of(write, deletion(version=6))
    assert 6 == (await write.product()).version


async def test_what_has_no_effect_touches_nothing(stocked: Writing) -> None:
    """Neither an outdated nor an unchanged nor a rejected change has a tag, whatever category it names."""
    await stocked(record(version=5))
    applied = await tags_of(
        stocked, record(version=4, category="fruits"), record(version=5), record(version=5, category="fruits")
    )
    assert [(OUTDATED, NO_TAGS), (UNCHANGED, NO_TAGS), (REJECTED, NO_TAGS)] == applied


async def test_several_changes_to_one_product(stocked: Writing) -> None:
    """Each change of a batch goes on from where the one before left the product."""
    applied = await tags_of(
        stocked,
        record(version=2, category="fruits"),
        record(version=1),
        record(version=3, category="milk"),
        deletion(version=4),
        deletion(version=5),
        record(version=6, category="eggs"),
    )
    expected = [
        (UPDATED, await touched(stocked, "vegetables", "fruits")),
        (OUTDATED, NO_TAGS),
        (UPDATED, await touched(stocked, "fruits", "milk")),
        (DELETED, await touched(stocked, "milk")),
        (UNCHANGED, NO_TAGS),
        (CREATED, await touched(stocked, "eggs")),
    ]
    assert expected == applied


async def test_several_changes_to_a_new_product(write: Writing) -> None:
    """All changes to a product that its batch inserts have the id that it gets at the end."""
    applied = await tags_of(write, record(version=1), record(version=2, category="fruits"), deletion(version=3))
    expected = [
        (CREATED, await touched(write, "vegetables")),
        (UPDATED, await touched(write, "vegetables", "fruits")),
        (DELETED, await touched(write, "fruits")),
    ]
    assert expected == applied


async def test_a_name_that_is_born(stocked: Writing) -> None:
    """The names are touched where a product brings one that its category has not, by whatever spelling."""

    async def born(*changes: Change) -> bool:
        return any(NAMES in one.tags for one in await stocked.applied(*changes))

    assert not await born(record("other", name=" OKRA "))
    assert await born(record("other", 2, name="Bhindi"))
    assert await born(record("other", 3, category="fruits"))
    assert not await born(deletion("other", 4))
    assert not await born(record("another", name="Bhindi"))


async def test_a_change_of_stock(stocked: Writing) -> None:
    """Both ways, the change touches the product and its category."""
    expected = StockChange(await touched(stocked, "vegetables"), None)
    assert expected == await change_stock(stocked, -4)
    assert expected == await change_stock(stocked, 1)
    assert 7 == (await stocked.product()).stock


async def test_a_stock_that_cannot_change_touches_nothing(stocked: Writing) -> None:
    """Less than nothing is left, or no such product is known: the reason comes without tags."""
    assert (NO_TAGS, "feed has 10 of product okra-1: it cannot change by -11") == await change_stock(stocked, -11)
    assert (NO_TAGS, "feed has no product okra-2") == await change_stock(stocked, 1, "okra-2")


async def test_the_stock_of_a_product_that_is_gone(stocked: Writing) -> None:
    """It cannot fall; it can rise, which no answer shows and no tag needs."""
    await stocked(deletion(version=2))
    assert (NO_TAGS, "feed has no product okra-1") == await change_stock(stocked, -1)
    assert (NO_TAGS, None) == await change_stock(stocked, 1)
    assert 11 == (await stocked.product()).stock
