"""What an import deletes afterwards: only where its file speaks for something, all of it or nothing."""

from datetime import date, timedelta
from typing import Any

import pytest

from farmlokal.catalog.imports import removals
from farmlokal.catalog.imports.removals import Replaced, turn_of_the_second
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing import absent
from farmlokal.database.interface import Database, Session
from tests.catalog.imports.catalogue_support import Catalogue
from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.catalog.upserting import record
from tests.support.backends import on_every_backend, on_sqlite

KINDS = ("Hybrid", "Local", "Desi", "Red", "Green", "Small")


def day_file(*kinds: str, market: str = "Pimpri", day: str = "19/02/2025", modal: str = "1400") -> str:
    """A file that lists some kinds of tomato at one market."""
    return mandi_csv(*(mandi_row(Variety=kind, Market=market, Arrival_Date=day, Modal=modal) for kind in kinds))


async def replacing(catalogue: Catalogue, content: str, share_max: float = 0.2) -> Replaced:
    """Import a file and delete what it lacks."""
    began = await turn_of_the_second()
    summary = await catalogue.load(content, sighting="run-1")
    replaced = await removals.replace(catalogue.database, [summary], "run-1", began=began, share_max=share_max)
    await catalogue.writer.sightings.forget("run-1")
    return replaced


@on_every_backend
async def test_only_the_files_markets_are_replaced(catalogue: Catalogue) -> None:
    """What the covered market has beyond the file goes, at once after another import; other markets stay."""
    await catalogue.load(day_file(*KINDS))
    await catalogue.load(day_file("Hybrid", market="Pimpri East"))
    assert Replaced(1) == await replacing(catalogue, day_file(*KINDS[1:], day="20/02/2025"))
    assert ["Pimpri", "Pimpri East"] == sorted({row[0] for row in await catalogue.offers("market")})
    assert 6 == len(await catalogue.offers("id"))


@on_every_backend
async def test_a_file_that_lacks_too_much_deletes_nothing(catalogue: Catalogue) -> None:
    """Beyond the share that may go, nothing does; the refusal has both numbers, and a larger share lets it pass."""
    await catalogue.load(day_file(*KINDS))
    partial = day_file(*KINDS[:3], day="20/02/2025")
    refused = await replacing(catalogue, partial)
    assert (
        "nothing was deleted: what was imported lacks 3 of the 6 products of 1 market, 50%, and --max-delete is 20%"
        == refused.refusal
    )
    assert (0, 6) == (refused.deleted, len(await catalogue.offers("id")))
    assert Replaced(3) == await replacing(catalogue, partial, share_max=0.5)


@on_every_backend
async def test_a_later_files_products_stay(catalogue: Catalogue) -> None:
    """An older file speaks for no product that a newer one listed: neither of a later day nor of the same."""
    noon = day_file(*KINDS[:5])
    await catalogue.load(noon)
    await catalogue.load(day_file("Small"))
    await catalogue.load(day_file("Wild", day="21/02/2025"))
    assert Replaced(0) == await replacing(catalogue, noon, share_max=1.0)
    assert 7 == len(await catalogue.offers("id"))


@on_every_backend
async def test_a_file_of_products_speaks_for_its_sources(catalogue: Catalogue) -> None:
    """Products of the file's source that were there a moment before go; those that came meanwhile stay."""
    await catalogue.writer.apply([record(f"p{number}", source="import") for number in range(10)])
    rows = [f"p{number},2,Okra,vegetables,24.50,kg" for number in range(9)]
    content = "\n".join(["external_id,version,name,category,price,unit", *rows, ""])
    began = await turn_of_the_second()
    await catalogue.writer.apply([record("meanwhile", source="import")])
    summary = await catalogue.load(content, sighting="run-1")
    assert Replaced(1) == await removals.replace(catalogue.database, [summary], "run-1", began=began, share_max=0.2)
    assert ["meanwhile", *(f"p{number}" for number in range(9))] == [
        row[0] for row in await catalogue.offers("external_id")
    ]


@on_every_backend
async def test_several_files_speak_together(catalogue: Catalogue) -> None:
    """Two halves of a day do not delete each other; what neither of them lists goes, and a market counts once."""
    await catalogue.load(day_file(*KINDS))
    began = await turn_of_the_second()
    halves = [
        await catalogue.load(day_file(*kinds, day="20/02/2025"), sighting="run-1") for kinds in (KINDS[:3], KINDS[3:5])
    ]
    for share_max, expected in ((0.1, 0), (0.2, 1)):
        replaced = await removals.replace(catalogue.database, halves, "run-1", began=began, share_max=share_max)
        assert expected == replaced.deleted
    assert 5 == len(await catalogue.offers("id"))


class Cut:
    """A database whose connection is cut after the first statement of a transaction that deletes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def in_transaction(self, work: Any) -> Any:
        """Runs `work` until its second UPDATE."""

        async def cut(session: Session) -> Any:
            return await work(_CutSession(session))

        return await self._database.in_transaction(cut)


class _CutSession:
    def __init__(self, session: Session) -> None:
        self._session = session
        self._statements = 0

    async def execute(self, sql: str, params: Any = ()) -> int:
        """Runs the first statement, and fails at the second."""
        self._statements += 1
        if self._statements > 1:
            raise LookupError
        return await self._session.execute(sql, params)


@on_every_backend
async def test_a_deletion_that_is_interrupted_deletes_nothing(catalogue: Catalogue) -> None:
    """All go in one transaction, however many statements it takes."""
    await catalogue.writer.apply([record(f"p{number}") for number in range(1500)])
    ids = [row[0] for row in await catalogue.offers("id")]
    grave = absent.Grave(ids, "version < %s", (9,))
    cut: Any = Cut(catalogue.database)
    now = await turn_of_the_second()
    with pytest.raises(LookupError):
        await absent.bury(cut, [grave], now=now)
    assert 1500 == len(await catalogue.offers("id"))
    assert 1500 == await absent.bury(catalogue.database, [grave], now=now)


@on_every_backend
async def test_what_no_file_lists_any_more_expires(catalogue: Catalogue) -> None:
    """Days count back from the last day that a file told of, whatever the clock says; a day that long ago is kept."""
    newest = date(2025, 3, 21)
    for days in (0, 30, 31):
        written = (newest - timedelta(days)).strftime("%d/%m/%Y")
        await catalogue.load(day_file("Hybrid", market=f"Before {days}", day=written))
    assert 1 == await removals.expire(catalogue.database, 30)
    assert ["Before 0", "Before 30"] == sorted(row[0] for row in await catalogue.offers("market"))
    assert 0 == await removals.expire(catalogue.database, 30)


@on_sqlite
async def test_nothing_expires_in_an_empty_catalogue(catalogue: Catalogue) -> None:
    """Without a file there is no last day."""
    assert 0 == await removals.expire(catalogue.database, 30)


async def test_the_turn_of_the_second_is_whole() -> None:
    """What was written before lies in an earlier second."""
    first = await turn_of_the_second()
    second = await turn_of_the_second()
    assert (0, True) == (first.microsecond, wire_time(first) < wire_time(second))
