"""Loads of many rows: several processes side by side, runs that were interrupted, statistics."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed import generate
from farmlokal.catalog.seed.fill import fill
from farmlokal.catalog.seed.processes import fill_with_processes
from farmlokal.catalog.writing.bulk_load import processes_for, refresh_statistics, seed_catalogue
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.database.interface import Database
from farmlokal.errors import DatabaseUnavailable
from tests.servers.process import free_port
from tests.support.backends import connections_to
from tests.support.service import open_database, sqlite_url
from tests.support.waiting import until

PRODUCTS = 12_000  # more than one process's turn
CONTENT = (
    "SELECT p.source, p.external_id, p.version, p.digest, p.live, p.name, p.name_key, p.category, p.price, p.farm_name,"
    " f.name_key, f.district_key, p.market, p.district_key, p.state_key, p.lat, p.lon, p.stock, p.organic, p.rating,"
    " p.created_at FROM products p LEFT JOIN farms f ON f.id = p.farm_id ORDER BY p.source, p.external_id"
)


def okra(version: int = 1) -> ProductRecord:
    """A product of another source than the seed, of a farm that bears the name of a seed farm."""
    (record,) = generate(1, 1)
    return record._replace(source="partner", external_id="okra", version=version, name="Okra", farm="Patil Farm")


def ignore(done: int) -> None:
    """Take progress and do nothing with it."""


@pytest.fixture
async def mysql(mysql_url: str) -> AsyncIterator[Database]:
    """A new database on the session's MariaDB server, with our schema."""
    async with open_database(mysql_url) as database:
        yield database


@pytest.fixture
def address(mysql_url: str) -> MySQLAddress:
    """Where that database is."""
    parsed = parse_address(mysql_url)
    assert isinstance(parsed, MySQLAddress)
    return parsed


async def content(database: Database) -> list[tuple[Any, ...]]:
    """Everything that the catalogue holds but ids and the time of writing."""
    return await database.fetch_unlimited(CONTENT)


async def written_one_by_one(database: Database) -> list[tuple[Any, ...]]:
    """What the catalogue holds after the seed went through the writer in one process; it is then emptied."""
    await fill(ProductWriter(database), range(1, PRODUCTS + 1), ignore)
    expected = await content(database)
    await database.run_script(["DELETE FROM products", "DELETE FROM farms"])
    return expected


@pytest.mark.proof
async def test_several_processes_write_what_one_writes(mysql: Database, address: MySQLAddress) -> None:
    """Processes side by side leave the same rows and the same farms as one writer does, and report all progress."""
    expected = await written_one_by_one(mysql)
    progress: list[int] = []

    await seed_catalogue(mysql, address, PRODUCTS, progress.append, processes=3)

    assert expected == await content(mysql)
    assert progress == sorted(progress)
    assert PRODUCTS == progress[-1]


async def test_seeding_again_adds_only_what_is_missing(mysql: Database, address: MySQLAddress) -> None:
    """A run after one that broke off completes it, and touches neither what is there nor another source."""
    writer = ProductWriter(mysql)
    (newer,) = generate(7, 1)
    await writer.apply([okra(), newer._replace(version=2, name="Renamed since")])
    await fill(writer, range(500, 3_000), ignore)
    before: dict[str, int] = dict(await mysql.fetch("SELECT external_id, id FROM products"))

    await seed_catalogue(mysql, address, PRODUCTS, ignore, processes=2)

    after: dict[str, int] = dict(await mysql.fetch_unlimited("SELECT external_id, id FROM products"))
    assert before == {name: after[name] for name in before}
    assert PRODUCTS + 1 == len(after)
    kept = [("okra", "Okra"), ("7", "Renamed since")]
    assert sorted(kept) == sorted(
        await mysql.fetch("SELECT external_id, name FROM products WHERE source = 'partner' OR version = 2")
    )
    assert [] == await mysql.fetch("SELECT id FROM products WHERE farm_name IS NOT NULL AND farm_id IS NULL")


@pytest.mark.proof
async def test_a_cancelled_run_leaves_no_process_and_can_be_completed(
    mysql: Database, address: MySQLAddress, mysql_url: str
) -> None:
    """Ctrl-C ends the processes: nothing is written afterwards, and the next run finishes the work."""
    begun = asyncio.Event()
    ours = connections_to(mysql_url)
    run = asyncio.create_task(fill_with_processes(address, PRODUCTS, lambda done: begun.set(), processes=2))
    await begun.wait()
    run.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await run
    # What a process had sent before its end, a COMMIT too, the server still does; then it has no connection of theirs.
    await until(lambda: connections_to(mysql_url) <= ours)

    await seed_catalogue(mysql, address, PRODUCTS, ignore, processes=2)

    assert [(PRODUCTS,)] == await mysql.fetch("SELECT COUNT(*) FROM products")


async def test_a_failure_in_one_process_ends_the_run(address: MySQLAddress) -> None:
    """A database that is away is reported as such, in the words of the process that met it."""
    nobody = MySQLAddress("127.0.0.1", free_port(), "root", "", address.database)
    with pytest.raises(DatabaseUnavailable, match="no connection"):
        await fill_with_processes(nobody, PRODUCTS, ignore, processes=2)


async def test_the_embedded_catalogue_is_seeded_in_this_process(tmp_path: Any) -> None:
    """SQLite, which has one writer at a time, gets the same products without any further process."""
    url = sqlite_url(tmp_path)
    async with open_database(url) as database:
        await seed_catalogue(database, parse_address(url), 1_200, ignore, processes=4)
        names = [row[0] for row in await database.fetch("SELECT name FROM products ORDER BY id")]
        assert [record.name for record in generate(1, 1_200)] == names
        assert [] != await database.fetch("SELECT 1 FROM sqlite_stat1 WHERE tbl = 'products' LIMIT 1")


async def test_statistics_say_how_many_rows_there_are(mysql: Database, address: MySQLAddress) -> None:
    """Right after a load the server's own estimate of the table's rows is close to the truth."""
    await seed_catalogue(mysql, address, 5_000, ignore)
    await refresh_statistics(mysql)
    ((estimate,),) = await mysql.fetch(
        "SELECT table_rows FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'products'"
    )
    assert 4_000 <= estimate <= 6_000


@pytest.mark.parametrize(("products", "most"), [(1, 1), (19_999, 1), (10**7, 8)])
def test_small_catalogues_start_no_processes(products: int, most: int) -> None:
    """Starting a process costs about as much as writing ten thousand products: fewer are not shared out."""
    assert 1 <= processes_for(products) <= most


class TestKnownFarms:
    """Farms are looked up once for a whole load."""

    async def test_farms_are_learnt_once_and_given_to_the_writer(self, mysql: Database) -> None:
        """The second batch of the same farms asks for none of them, and its products get the same farms."""
        farms = KnownFarms(mysql)
        writer = ProductWriter(mysql, farms=farms)
        await writer.apply(list(generate(1, 200)))
        learnt = dict(farms.ids)
        await writer.apply([record._replace(source="seed", version=2, stock=3) for record in generate(1, 200)])
        assert learnt == farms.ids
        assert sorted(learnt.values()) == [row[0] for row in await mysql.fetch("SELECT id FROM farms ORDER BY id")]
        await self._farms_are_right(mysql)

    async def test_loads_side_by_side_agree_on_farms(self, mysql: Database) -> None:
        """Two loads that meet the same new farms at the same time end with one row for each farm."""
        writers = [ProductWriter(mysql, farms=KnownFarms(mysql)) for _ in range(2)]
        halves = (list(generate(1, 400)), list(generate(401, 400)))
        await asyncio.gather(*(writer.apply(half) for writer, half in zip(writers, halves, strict=True)))
        assert [] == await mysql.fetch("SELECT name_key FROM farms GROUP BY name_key, district_key HAVING COUNT(*) > 1")
        await self._farms_are_right(mysql)

    @staticmethod
    async def _farms_are_right(database: Database) -> None:
        assert [] == await database.fetch(
            "SELECT p.id FROM products p LEFT JOIN farms f ON f.id = p.farm_id"
            " WHERE p.farm_name IS NOT NULL AND (f.name IS NULL OR f.district_key <> p.district_key)"
        )


@pytest.fixture(params=["sqlite", "mysql"])
async def either(request: pytest.FixtureRequest, tmp_path: Any) -> AsyncIterator[Database]:
    """A catalogue on each backend."""
    url = sqlite_url(tmp_path) if request.param == "sqlite" else request.getfixturevalue("mysql_url")
    async with open_database(url) as database:
        yield database


@pytest.mark.parametrize("change", [lambda name: name, lambda name: f"{name}; DROP TABLE products; -- %s 'x' \\"])
async def test_many_rows_are_updated_in_few_round_trips(either: Database, change: Callable[[str], str]) -> None:
    """New versions of more rows than go into one message all arrive, whatever their text holds."""
    writer = ProductWriter(either)
    records = list(generate(1, 250))
    await writer.apply(records)

    applied = await writer.apply([record._replace(version=2, name=change(record.name)) for record in records])

    assert [WriteOutcome.UPDATED] * 250 == [one.outcome for one in applied]
    stored = await either.fetch("SELECT name FROM products ORDER BY id")
    assert sorted(change(record.name) for record in records) == sorted(name for (name,) in stored)


async def test_a_row_that_came_from_elsewhere_is_met(either: Database) -> None:
    """A load of nothing but new rows looks none up; one that somebody else wrote meanwhile counts all the same."""
    load = ProductWriter(either, farms=KnownFarms(either))
    records = list(generate(1, 60))
    assert [WriteOutcome.CREATED] * 20 == [one.outcome for one in await load.apply(records[:20])]
    await ProductWriter(either).apply([records[30], records[31]._replace(version=2, name="Newer")])

    applied = await load.apply(records[20:40]) + await load.apply(records[40:])

    expected = [WriteOutcome.CREATED] * 40
    expected[10:12] = WriteOutcome.UNCHANGED, WriteOutcome.OUTDATED
    assert expected == [one.outcome for one in applied]
    assert [(60,)] == await either.fetch("SELECT COUNT(*) FROM products")
