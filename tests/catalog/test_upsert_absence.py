"""What a complete walk did not meet is buried: only of its source, and only what was there when it began."""

from collections.abc import Awaitable, Callable
from typing import Any

from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database, Params, Row
from tests.catalog.upserting import Writing, deletion, record
from tests.support.backends import on_every_backend

pytestmark = on_every_backend


async def test_only_the_sources_unseen_rows_are_buried(write: Writing) -> None:
    """Whatever the run met stays, changed or not; so do other sources' rows; a second burial finds nothing."""
    await write(*[record(name, 5) for name in ("same", "newer", "older", "unseen")], record("other", source="seed"))
    write.pass_s(60)
    began = write.now
    await write(record("same", 5), record("newer", 6), record("older", 4), record("new", 1), sighting="run-1")
    assert 1 == await write.writer.sightings.bury_unseen("feed", "run-1", before=began)
    assert ["new", "newer", "older", "other", "same"] == await write.live()
    assert 0 == await write.writer.sightings.bury_unseen("feed", "run-1", before=began)


async def test_what_was_written_since_the_run_began_stays(write: Writing) -> None:
    """An event that arrives during a run says that its product is there: from the very second of the beginning."""
    await write(record("old"), record("updated"))
    write.pass_s(60)
    began = write.now
    await write(record("at-once"), record("updated", 2))
    write.pass_s(1)
    await write(record("later"))
    assert 1 == await write.writer.sightings.bury_unseen("feed", "run-1", before=began)
    assert ["at-once", "later", "updated"] == await write.live()


async def test_a_buried_row_comes_back_with_the_same_version(write: Writing) -> None:
    """Absence is no new version: the record that was there brings its row back, an older one does not."""
    await write(record(version=5, stock=3))
    row_id = (await write.product()).id
    write.pass_s(60)
    assert 1 == await write.writer.sightings.bury_unseen("feed", "run-1", before=write.now)
    assert [WriteOutcome.OUTDATED, WriteOutcome.REJECTED] == await write(
        record(version=4), record(version=5, name="Other")
    )
    assert [] == await write.live()
    assert [WriteOutcome.CREATED] == await write(record(version=5, stock=3))
    row = await write.product()
    assert (row_id, 5, 1, 3) == (row.id, row.version, row.live, row.stock)


async def test_a_deleted_row_does_not_come_back_with_an_absent_one(write: Writing) -> None:
    """A burial leaves deletions as they are: what was deleted under a version stays deleted under it."""
    await write(record("deleted", 5), record("absent", 5))
    await write(deletion("deleted", 6))
    write.pass_s(60)
    assert 1 == await write.writer.sightings.bury_unseen("feed", "run-1", before=write.now)
    assert [WriteOutcome.REJECTED, WriteOutcome.CREATED] == await write(record("deleted", 6), record("absent", 5))
    assert ["absent"] == await write.live()


async def test_each_run_remembers_its_own_and_can_forget(write: Writing) -> None:
    """One run's sightings protect nothing from another's burial, and a forgotten run has met nothing."""
    await write(record("a"), record("b"), sighting="run-1")
    await write(record("a"), sighting="run-2")
    write.pass_s(60)
    await write.writer.sightings.forget("run-1")
    assert [("run-2",)] == await write.database.fetch("SELECT DISTINCT run FROM sightings")
    assert 1 == await write.writer.sightings.bury_unseen("feed", "run-2", before=write.now)
    assert 1 == await write.writer.sightings.bury_unseen("feed", "run-1", before=write.now)
    assert [] == await write.live()


async def test_thousands_are_buried(write: Writing) -> None:
    """More unseen rows than one statement takes are all buried, and the seen ones among them stay."""
    everything = [record(f"p{number}") for number in range(2500)]
    await write(*everything)
    write.pass_s(60)
    await write(*everything[::10], sighting="run-1")
    assert 2250 == await write.writer.sightings.bury_unseen("feed", "run-1", before=write.now)
    assert sorted(each.external_id for each in everything[::10]) == await write.live()


async def test_a_row_that_is_written_during_the_burial_stays(write: Writing) -> None:
    """An update that lands after the burial looked, but before it acts, is not buried."""
    await write(record("unseen"), record("updated"))
    write.pass_s(60)
    began = write.now

    async def update() -> None:
        assert [WriteOutcome.UPDATED] == await write(record("updated", 2))

    interrupted = ProductWriter(Interrupted(write.database, update), now=lambda: write.now)
    assert 1 == await interrupted.sightings.bury_unseen("feed", "run-1", before=began)
    assert ["updated"] == await write.live()


class Interrupted:
    """A database between whose first look and what follows somebody else gets a turn."""

    def __init__(self, database: Database, turn: Callable[[], Awaitable[None]]) -> None:
        self._database = database
        self._turn: Callable[[], Awaitable[None]] | None = turn

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def fetch_unlimited(self, sql: str, params: Params = ()) -> list[Row]:
        """What the database says; then the other's turn, once."""
        rows = await self._database.fetch_unlimited(sql, params)
        if self._turn is not None:
            turn, self._turn = self._turn, None
            await turn()
        return rows
