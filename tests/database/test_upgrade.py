"""Upgrades: from every earlier version, twice, interrupted at each step, from two places, beside the release before."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from itertools import count

import pytest

from farmlokal.database.identity import read_identity, renew_identity, stored_identity
from farmlokal.database.interface import Database
from farmlokal.database.migrations import MIGRATIONS
from farmlokal.database.migrations.migration import Change, Migration
from farmlokal.database.migrations.runner import BATCH_ROWS, pending
from farmlokal.database.schema import (
    SCHEMA_VERSION,
    StoredVersion,
    check_schema,
    contract_schema,
    create_schema,
    schema_text,
    statements,
    stored_version,
)
from farmlokal.errors import SchemaMismatch
from tests.database.upgrading import (
    ALL_BATCHES,
    MADE_UP,
    OLD_INDEX,
    first_statements,
    insert_products,
    make_first_version,
    whole_schema,
)
from tests.support.backends import database_on, on_every_backend

ALL = (*MIGRATIONS, MADE_UP)
NEWEST = StoredVersion(SCHEMA_VERSION, MIGRATIONS[-1].usable_from)


@pytest.fixture
async def database(backend_url: str) -> AsyncIterator[Database]:
    """An empty database."""
    async with database_on(backend_url) as database:
        yield database


async def drop_everything(database: Database) -> None:
    """Empty the database again."""
    dropped = [f"DROP TABLE {table}" for table in await tables(database)]
    await database.run_script(dropped)


async def tables(database: Database) -> list[str]:
    """The tables that there are, by name."""
    listed = {
        "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1",
        "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1",
    }
    return [name for (name,) in await database.fetch(listed[database.dialect.name])]


async def started(url: str, *arguments: object) -> asyncio.subprocess.Process:
    """An upgrade that began in a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.database.upgrade_process",
        url,
        *map(str, arguments),
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )


async def two_at_once(url: str, task: str) -> None:
    """Two upgrades that began together, and ended well."""
    processes = [await started(url, task) for _ in range(2)]
    written = [(await process.communicate())[1].decode() for process in processes]
    assert [0, 0] == [process.returncode for process in processes], written


@on_every_backend
async def test_an_upgraded_schema_is_a_new_one(database: Database) -> None:
    """After the contract step nothing tells an upgraded schema from one that the schema file made."""
    await make_first_version(database)
    assert NEWEST == await contract_schema(database, batches=ALL_BATCHES)
    upgraded = await whole_schema(database)
    left = await database.fetch("SELECT * FROM schema_steps")
    await drop_everything(database)
    await create_schema(database, batches=ALL_BATCHES)
    assert await whole_schema(database) == upgraded
    assert [] == left


@on_every_backend
async def test_until_the_contract_step_the_release_before_goes_on(database: Database) -> None:
    """An expanded database says version 1 to who asks as the first release does, and takes its schema file and rows."""
    await make_first_version(database)
    assert StoredVersion(1, 1) == await create_schema(database, batches=ALL_BATCHES)
    await check_schema(database)  # this release starts, too
    assert [(1,)] == await database.fetch("SELECT MAX(version) FROM schema_version")
    await database.run_script(first_statements(database.dialect.name))
    await insert_products(database, range(1, 3))
    assert [(1,)] == await database.fetch("SELECT MAX(version) FROM schema_version")
    await contract_schema(database, batches=ALL_BATCHES)
    assert [(SCHEMA_VERSION,)] == await database.fetch("SELECT MAX(version) FROM schema_version")
    assert [(2,)] == await database.fetch("SELECT COUNT(*) FROM products")


@on_every_backend
async def test_this_release_goes_by_what_the_next_one_says(database: Database) -> None:
    """On a database that the next release expanded or contracted, this one starts for as long as its row allows it."""
    await create_schema(database, batches=ALL_BATCHES)
    await create_schema(database, migrations=ALL, batches=ALL_BATCHES)
    assert NEWEST == await stored_version(database)
    await check_schema(database)
    await contract_schema(database, migrations=ALL, batches=ALL_BATCHES)
    assert StoredVersion(MADE_UP.version, SCHEMA_VERSION) == await stored_version(database)
    await check_schema(database)
    await create_schema(database, batches=ALL_BATCHES)
    await database.run_script([f"UPDATE schema_version SET usable_from = {MADE_UP.version}"])
    for refusing in (check_schema, create_schema, contract_schema):
        with pytest.raises(SchemaMismatch, match=f"version {MADE_UP.version}, this release knows .*: upgrade it"):
            await refusing(database)


@on_every_backend
async def test_the_next_release_waits_for_its_upgrade(database: Database) -> None:
    """Before its steps are done a release refuses to start, and names the command; afterwards it starts."""
    await create_schema(database, batches=ALL_BATCHES)
    with pytest.raises(SchemaMismatch, match="run `farmlokal init-db`"):
        await check_schema(database, ALL)
    assert [step.name for step in MADE_UP.expand] == await pending(database, [MADE_UP])
    await create_schema(database, migrations=ALL, batches=ALL_BATCHES)
    assert [] == await pending(database, [MADE_UP])
    await check_schema(database, ALL)


@on_every_backend
async def test_running_again_changes_nothing(database: Database) -> None:
    """The second upgrade and the second contract step leave schema, identity and rows as they are."""
    await make_first_version(database, products=3, more=(OLD_INDEX,))
    await create_schema(database, migrations=ALL, batches=ALL_BATCHES)
    identity = await read_identity(database)
    expanded = await whole_schema(database)
    await create_schema(database, migrations=ALL, batches=ALL_BATCHES)
    assert expanded == await whole_schema(database)
    for _ in range(2):
        await contract_schema(database, migrations=ALL, batches=ALL_BATCHES)
        assert StoredVersion(MADE_UP.version, MADE_UP.usable_from) == await stored_version(database)
    assert identity == await read_identity(database)
    assert [(2,), (4,), (6,)] == await database.fetch("SELECT doubled FROM products ORDER BY id")


@on_every_backend
@pytest.mark.parametrize(
    "every", [199, pytest.param(11, marks=[pytest.mark.proof, pytest.mark.timeout(900)])], ids=["some", "many"]
)
async def test_killed_at_any_step_an_upgrade_is_finished_by_the_next(
    database: Database, backend_url: str, every: int
) -> None:
    """SIGKILL before and after each statement, then again: the same schema, one identity, every row as it should be."""
    await make_first_version(database, products=2, more=(OLD_INDEX,))
    await contract_schema(database, migrations=ALL, batches=ALL_BATCHES)
    wanted = await whole_schema(database)
    kills = 0
    for kill_at in count(1, every):
        await drop_everything(database)
        await make_first_version(database, products=2, more=(OLD_INDEX,))
        process = await started(backend_url, "contract", kill_at)
        _, written = await process.communicate()
        if process.returncode == 0:
            break
        assert -signal.SIGKILL == process.returncode, written.decode()
        kills += 1
        was = await stored_identity(database) if "catalogue" in await tables(database) else None
        await contract_schema(database, migrations=ALL, batches=ALL_BATCHES)
        assert wanted == await whole_schema(database), kill_at
        assert [] == await database.fetch("SELECT * FROM schema_steps")
        assert [(2,), (4,)] == await database.fetch("SELECT doubled FROM products ORDER BY id")
        assert [(1,)] == await database.fetch("SELECT COUNT(*) FROM catalogue")
        assert was in (None, await read_identity(database))
    # 144 statements: the table of steps; 43 changes, of 2 statements each, one of 3; two sweeps of a batch, done twice,
    # each with its notes; six versions' ends.
    assert 2 * 144 // every <= kills


@on_every_backend
async def test_killed_at_any_step_a_new_schema_is_finished_by_the_next(database: Database, backend_url: str) -> None:
    """SIGKILL before and after each statement that makes a schema: until the last there is none, then a whole one."""
    await create_schema(database, batches=ALL_BATCHES)
    wanted = await whole_schema(database)
    made = len([*statements(schema_text(database.dialect.name))])
    # Some, and the last ones: the others are like them.
    for kill_at in [*range(1, 2 * made - 2, 13), 2 * made - 1, 2 * made]:
        await drop_everything(database)
        process = await started(backend_url, "expand", kill_at)
        await process.communicate()
        assert -signal.SIGKILL == process.returncode
        if kill_at < 2 * made:
            assert await stored_version(database) is None
        await create_schema(database, batches=ALL_BATCHES)
        assert wanted == await whole_schema(database), kill_at


@on_every_backend
async def test_the_first_release_may_have_been_interrupted(database: Database) -> None:
    """What the first release left of a schema, ended at any statement, becomes a whole one."""
    await create_schema(database, batches=ALL_BATCHES)
    wanted = await whole_schema(database)
    first = first_statements(database.dialect.name)
    for kept in [*range(0, len(first), 3), len(first) - 1]:
        await drop_everything(database)
        await database.run_script(first[:kept])
        if database.dialect.name == "sqlite" and 4 <= kept < len(first):
            continue  # its indexes are statements of their own, and are named as missing
        await contract_schema(database, batches=ALL_BATCHES)
        assert wanted == await whole_schema(database), kept


@on_every_backend
async def test_two_at_once_do_each_step_once(database: Database, backend_url: str) -> None:
    """Two processes upgrade one database at the same time: both succeed, with one identity and every row right."""
    products = 3 * BATCH_ROWS
    await make_first_version(database, products)
    await two_at_once(backend_url, "contract")
    assert StoredVersion(MADE_UP.version, MADE_UP.usable_from) == await stored_version(database)
    assert [(1,)] == await database.fetch("SELECT COUNT(*) FROM catalogue")
    assert [(products,)] == await database.fetch("SELECT COUNT(*) FROM products WHERE doubled = 2 * version")


@on_every_backend
async def test_two_make_a_new_schema_at_once(database: Database, backend_url: str) -> None:
    """Two processes make the schema in an empty database at the same time: both succeed, and there is one identity."""
    await two_at_once(backend_url, "expand")
    assert [(1,)] == await database.fetch("SELECT COUNT(*) FROM catalogue")


@on_every_backend
async def test_a_sweep_shows_its_progress_and_mends_what_came_meanwhile(database: Database) -> None:
    """Progress grows to the total; rows that the release before writes afterwards are mended by the contract step."""
    products = 2 * BATCH_ROWS + 10
    await make_first_version(database, products)
    seen: list[tuple[str, int, int]] = []

    @contextmanager
    def show(name: str, total: int) -> Iterator[Callable[[int], None]]:
        yield lambda done: seen.append((name, done, total))

    await create_schema(database, show, ALL, batches=ALL_BATCHES)
    done = [0, BATCH_ROWS, 2 * BATCH_ROWS, products, products]
    sweeps = (
        *("version 3: products.derived", "version 5: name_units.filled"),
        f"version {MADE_UP.version}: made_up.content",
    )
    assert [(name, ids, products) for name in sweeps for ids in done] == seen
    await insert_products(database, range(products + 1, products + 4))
    await database.run_script(["UPDATE products SET version = 77 WHERE id = 5"])
    await contract_schema(database, show, ALL, batches=ALL_BATCHES)
    assert [] == await database.fetch("SELECT id FROM products WHERE doubled IS NULL OR doubled <> 2 * version")


@on_every_backend
async def test_damage_is_named_line_by_line(database: Database) -> None:
    """A missing table comes back; a missing column, index or row, and a wrong type, are each named in a line."""
    await create_schema(database, batches=ALL_BATCHES)
    await check_schema(database)
    identity = await read_identity(database)
    await database.run_script(["DROP TABLE sync_rejects"])
    with pytest.raises(SchemaMismatch, match="table sync_rejects is missing"):
        await check_schema(database)
    await create_schema(database, batches=ALL_BATCHES)
    await database.run_script(
        {
            "mysql": [
                "DROP INDEX listing_by_price ON products",
                "ALTER TABLE sync_runs DROP COLUMN error",
                "ALTER TABLE farms MODIFY name VARCHAR(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci NULL",
                "ALTER TABLE farms DROP INDEX farms_identity, ADD UNIQUE farms_identity (source, name_key)",
            ],
            "sqlite": [
                "DROP INDEX listing_by_price",
                "ALTER TABLE sync_runs DROP COLUMN error",
                "DROP TABLE farms",
                "CREATE TABLE farms (id INTEGER NOT NULL PRIMARY KEY, source TEXT NOT NULL, name_key TEXT NOT NULL,"
                " district_key TEXT NOT NULL, state_key TEXT NOT NULL, name BLOB,"
                " CONSTRAINT farms_identity UNIQUE (source, name_key))",
            ],
        }[database.dialect.name]
    )
    found, needed = {
        "mysql": ("varchar(50) utf8mb4_general_ci", "varchar(100) utf8mb4_bin not null"),
        "sqlite": ("blob", "text not null"),
    }[database.dialect.name]
    columns = "live, price, id, category, created_at, district_key, state_key, farm_id, in_stock, organic"
    identity_columns = "source, name_key, district_key, state_key"
    lines = [
        "the schema is damaged:",
        f"column farms.name is {found}, not {needed}",
        f"index farms_identity of farms is unique (source, name_key), not unique ({identity_columns})",
        f"index listing_by_price of products is missing: ({columns}, rating_key, name_key, x, yz, name_id)",
        "column sync_runs.error is missing",
    ]
    for refusing in (check_schema, create_schema, contract_schema):
        with pytest.raises(SchemaMismatch) as caught:
            await refusing(database)
        assert lines == [line.strip() for line in str(caught.value).splitlines()]
    assert identity == await read_identity(database)


@on_every_backend
async def test_version_0_is_nobodys(database: Database) -> None:
    """A version that no release has written is refused by all, and nobody is sent to `init-db`."""
    await create_schema(database, batches=ALL_BATCHES)
    await database.run_script(["UPDATE schema_version SET version = 0, usable_from = 0"])
    for refusing in (check_schema, create_schema, contract_schema):
        with pytest.raises(SchemaMismatch, match="schema version 0, which no release has written") as caught:
            await refusing(database)
        assert "init-db" not in str(caught.value)


@on_every_backend
async def test_an_identity_is_made_once_and_can_be_renewed(database: Database) -> None:
    """It is 16 hexadecimal digits and stays; another one is made on request, or where its row was lost."""
    await create_schema(database, batches=ALL_BATCHES)
    first = await read_identity(database)
    assert 16 == len(first)
    int(first, 16)
    await create_schema(database, batches=ALL_BATCHES)
    assert first == await read_identity(database)
    renewed = await renew_identity(database)
    assert first != renewed == await read_identity(database)
    await database.run_script(["DELETE FROM catalogue"])
    with pytest.raises(SchemaMismatch, match="row of table catalogue is missing"):
        await check_schema(database)
    with pytest.raises(SchemaMismatch, match="no identity: run `farmlokal init-db`"):
        await read_identity(database)
    await create_schema(database, batches=ALL_BATCHES)
    assert await read_identity(database) not in (first, renewed)


def altering(migration: Migration) -> list[str]:
    """The ALTER TABLE statements of a migration on MySQL."""
    changes = [step for step in (*migration.expand, *migration.contract) if isinstance(step, Change)]
    return [step.mysql for step in changes if step.mysql.startswith("ALTER TABLE")]


ALTERING = [migration for migration in ALL if altering(migration)]


@pytest.mark.parametrize("migration", ALTERING, ids=lambda migration: f"version {migration.version}")
def test_changes_of_tables_name_their_locks(migration: Migration) -> None:
    """Each ALTER TABLE of MySQL says that it needs no copy of the table, and lets others write meanwhile.

    But for columns that change their type, in the contract step: then others read.
    """
    online = ("ALGORITHM = INSTANT", "ALGORITHM = INPLACE, LOCK = NONE")
    copying = [step.mysql for step in migration.contract if step.changes]
    assert all(statement.endswith("ALGORITHM = COPY, LOCK = SHARED") for statement in copying)
    assert altering(migration) == [one for one in altering(migration) if one.endswith(online) or one in copying]


def test_migrations_follow_one_another() -> None:
    """Versions grow by one from the second on, and no migration has two steps of one name."""
    assert [*range(2, SCHEMA_VERSION + 1)] == [migration.version for migration in MIGRATIONS]
    for migration in ALL:
        names = [step.name for step in (*migration.expand, *migration.contract)]
        assert sorted(set(names)) == sorted(names)
