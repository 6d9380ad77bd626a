"""A large load makes the listing's indexes when the rows are there, and can be ended before that at any point."""

import asyncio
import signal
import subprocess
from pathlib import Path

import pytest

from farmlokal.catalog.seed import generate
from farmlokal.catalog.writing.indexes_last import indexes_last
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database import late_indexes
from farmlokal.database.interface import Database
from farmlokal.database.schema import check_schema, create_schema, our_shape, schema_faults
from farmlokal.database.shape import found_shape
from farmlokal.errors import SchemaMismatch
from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.servers import NamedDatabase
from tests.support.backends import connect_to, database_on, on_every_backend, on_every_server
from tests.support.command import developers, farmlokal, run_module
from tests.support.service import SECRET_KEY, open_database, serving, settings_for

NEEDED = late_indexes.listing_indexes(our_shape("mysql"))
ROWS = 8_000  # of more than a MiB: a file that counts as large
TO_RUN = "run the interrupted command again, or `farmlokal init-db`"


async def listing_indexes(database: Database) -> set[str]:
    """The names of the listing's indexes that the database has."""
    shape = await found_shape(database.dialect.name, database.fetch_unlimited)
    return set(late_indexes.listing_indexes(shape))


@on_every_backend
async def test_a_large_load_makes_the_indexes_last(backend_url: str) -> None:
    """While it writes, a server has none and SQLite all; afterwards nothing is missing, and nothing is owed."""
    async with open_database(backend_url) as database:
        async with indexes_last(database, large=True):
            during = await listing_indexes(database)
            await ProductWriter(database).apply(list(generate(1, 20)))
        assert (set() if database.dialect.name == "mysql" else set(NEEDED)) == during
        await check_schema(database)
        assert not await late_indexes.owed(database)


@on_every_server
async def test_the_indexes_stay_where_they_are_needed(backend_url: str) -> None:
    """A small load, a catalogue with a product, and one that somebody else is connected to keep them."""
    async with open_database(backend_url) as database:
        async with indexes_last(database, large=False):
            assert set(NEEDED) == await listing_indexes(database)
        other = connect_to(backend_url)
        try:
            async with indexes_last(database, large=True):
                assert set(NEEDED) == await listing_indexes(database)
        finally:
            other.close()
        await ProductWriter(database).apply(list(generate(1, 1)))
        async with indexes_last(database, large=True):
            assert set(NEEDED) == await listing_indexes(database)


@on_every_server
async def test_an_interrupted_load_is_completed(backend_url: str) -> None:
    """Until the next load, or init-db, nobody else may use the catalogue, and is told in one line what to run."""
    async with open_database(backend_url) as database:
        for complete in (create_schema, indexes_last):
            await late_indexes.take_away(database, NEEDED)
            with pytest.raises(SchemaMismatch, match=TO_RUN):
                await check_schema(database)
            assert [] == await schema_faults(database)
            await check_schema(database, loading=True)
            if complete is create_schema:
                await create_schema(database)
            else:
                async with indexes_last(database, large=False):
                    await ProductWriter(database).apply(list(generate(1, 5)))
            await check_schema(database)


@on_every_server
async def test_who_may_not_change_the_schema_loads_with_the_indexes(backend_url: str) -> None:
    """The service's own user lacks ALTER: its load leaves the indexes where they are, and no mark."""
    server, user = NamedDatabase(backend_url), f"fl_late_{backend_url.partition('?')[0].rpartition('_')[2]}"
    name = backend_url.partition("?")[0].rpartition("/")[2]
    async with open_database(backend_url):
        server.execute(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'hunter2'")
    try:
        server.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON `{name}`.* TO '{user}'@'%'")
        async with database_on(backend_url.replace("root@", f"{user}:hunter2@")) as database:
            async with indexes_last(database, large=True):
                assert set(NEEDED) == await listing_indexes(database)
            await check_schema(database)
    finally:
        server.execute(f"DROP USER '{user}'@'%'")


async def test_a_service_that_runs_meanwhile_says_why(mysql_url: str) -> None:
    """A page that asks for an index that is away is a 503 with the reason, and comes when the index is back."""
    async with open_database(mysql_url) as database, serving(settings_for(mysql_url)) as service:
        await late_indexes.take_away(database, NEEDED)
        async with service.client.get("/products") as answer:
            assert 503 == answer.status
            assert "the catalogue is being filled" in (await answer.json())["detail"]
        await late_indexes.make(database, NEEDED)
        async with service.client.get("/products") as answer:
            assert 200 == answer.status


@pytest.mark.proof
@on_every_server
async def test_a_load_that_is_killed_at_any_stage_is_completed(backend_url: str, tmp_path: Path) -> None:
    """Killed before, between and after the steps of its indexes, and among its rows: run again, it ends the same.

    Between the two, whoever checks the schema is refused in one line wherever an index is missing, as `serve` is.
    """
    environment = developers(tmp_path) | {
        "FARMLOKAL_DATABASE_URL": backend_url,
        "FARMLOKAL_SECRET_KEY": SECRET_KEY,
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    (tmp_path / "day.csv").write_text(
        mandi_csv(*(mandi_row(Variety=f"Kind {number} {'of many ' * 8}many") for number in range(ROWS)))
    )

    async def load(kill_at: int) -> subprocess.CompletedProcess[str]:
        arguments = (str(kill_at), "import", "day.csv")
        return await asyncio.to_thread(
            run_module, "tests.catalog.imports.killed_import", environment, tmp_path, *arguments
        )

    async def anew() -> None:
        async with database_on(backend_url) as database:
            tables = our_shape("mysql")
            await database.run_script([f"DROP TABLE IF EXISTS {name}" for name in tables])
            await create_schema(database)

    async def look() -> tuple[list[tuple[object, ...]], set[str], bool]:
        async with database_on(backend_url) as database:
            rows = await database.fetch_unlimited(
                "SELECT external_id, version, digest, live, price, name_id IS NULL FROM products ORDER BY external_id"
            )
            return rows, await listing_indexes(database), await late_indexes.owed(database)

    await anew()
    whole = await load(0)
    assert 0 == whole.returncode, whole.stderr
    of_schema, steps = [list(map(int, line.split())) for line in whole.stdout.splitlines()[-2:]]
    assert 6 == len(of_schema)  # mark, drop, commit; make, unmark, commit
    expected = await look()
    assert (ROWS, set(NEEDED), False) == (len(expected[0]), *expected[1:])
    seen = set()
    for kill_at in (*of_schema[1:4], steps[0] // 2, *of_schema[4:]):
        await anew()
        killed = await load(kill_at)
        assert -signal.SIGKILL == killed.returncode, (kill_at, killed.stdout, killed.stderr)
        _, there, owed = await look()
        seen.add((bool(there), owed))
        assert there == set(NEEDED) or owed
        checked = await asyncio.to_thread(farmlokal, environment, tmp_path, "init-db", "--check")
        assert (int(owed), owed) == (checked.returncode, TO_RUN in checked.stderr), checked.stderr
        if kill_at % 2:
            made = await asyncio.to_thread(farmlokal, environment, tmp_path, "init-db")
            assert 0 == made.returncode, made.stderr
            assert (set(NEEDED), False) == (await look())[1:]
        again = await load(0)
        assert 0 == again.returncode, again.stderr
        assert expected == await look(), kill_at
    assert {(True, True), (False, True), (True, False)} == seen
