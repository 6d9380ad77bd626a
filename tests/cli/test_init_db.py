"""`farmlokal init-db`: what its tasks print, and with what exit code they end."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from farmlokal.database.schema import SCHEMA_VERSION
from tests.database.upgrading import make_first_version
from tests.support.backends import database_on
from tests.support.command import farmlokal

IN_PLACE = (0, "the schema is in place\n", "")
BOTH = (
    f"processes of schema version 1 and of {SCHEMA_VERSION} can use the database; when the last one of version 1 is"
    " gone, run `farmlokal init-db --contract`\n"
)


def execute(folder: Path, sql: str) -> None:
    """Change the SQLite catalogue in `folder`."""
    with closing(sqlite3.connect(folder / "catalogue.db", isolation_level=None)) as connection:
        connection.execute(sql)


def identity(folder: Path) -> str:
    """The identity in the SQLite catalogue in `folder`."""
    with closing(sqlite3.connect(folder / "catalogue.db")) as connection:
        ((found,),) = connection.execute("SELECT identity FROM catalogue")
    return str(found)


def init_db(environment: dict[str, str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Exit code, output and errors of `init-db`."""
    done = farmlokal(environment, folder, "init-db", *arguments)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.proof
def test_an_upgrade_says_what_is_left_to_do(environment: dict[str, str], tmp_path: Path) -> None:
    """From version 1: `--check` sends to `init-db`, that one to `--contract`, and then nothing is left."""

    async def make() -> None:
        async with database_on(environment["FARMLOKAL_DATABASE_URL"]) as database:
            await make_first_version(database, products=3)

    asyncio.run(make())
    told = f"farmlokal: the database holds schema version 1, not {SCHEMA_VERSION}: run `farmlokal init-db`\n"
    assert (1, "", told) == init_db(environment, tmp_path, "--check")
    for _ in range(2):
        code, output, lines = init_db(environment, tmp_path)
        assert (0, BOTH) == (code, output), lines
    assert IN_PLACE == init_db(environment, tmp_path, "--check")
    assert IN_PLACE[:2] == init_db(environment, tmp_path, "--contract")[:2]
    assert IN_PLACE == init_db(environment, tmp_path)


@pytest.mark.parametrize("command", [("init-db",), ("init-db", "--check"), ("serve", "--port", "0")], ids=" ".join)
def test_damage_is_a_line_each(environment: dict[str, str], tmp_path: Path, command: tuple[str, ...]) -> None:
    """A dropped index and a dropped column are named, and the exit code is 1."""
    assert IN_PLACE == init_db(environment, tmp_path)
    execute(tmp_path, "DROP INDEX listing_by_name")
    execute(tmp_path, "ALTER TABLE sync_runs DROP COLUMN error")
    done = farmlokal(environment, tmp_path, *command)
    filters = "category, price, district_key, state_key, farm_id, in_stock, organic"
    columns = f"(live, name_key, id, {filters}, x, yz, name_id)"
    # `serve` closes what it has opened before, which may have lines of its own.
    assert [
        "farmlokal: the schema is damaged:",
        f"  index listing_by_name of products is missing: {columns}",
        "  column sync_runs.error is missing",
    ] == done.stderr.splitlines()[-3:]
    assert 1 == done.returncode


@pytest.mark.parametrize("arguments", [(), ("--check",), ("--contract",)], ids=" ".join)
def test_version_0_does_not_lead_in_a_circle(
    environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """`init-db` on a version that no release has written says so, and does not send to `init-db`."""
    assert IN_PLACE == init_db(environment, tmp_path)
    execute(tmp_path, "UPDATE schema_version SET version = 0, usable_from = 0")
    code, _, lines = init_db(environment, tmp_path, *arguments)
    assert 1 == code
    assert lines.startswith("farmlokal: the database holds schema version 0, which no release has written: ")
    assert "init-db" not in lines


def test_a_copy_gets_an_identity_of_its_own(environment: dict[str, str], tmp_path: Path) -> None:
    """`--new-identity` replaces it and prints it; `init-db` and the contract step keep it."""
    assert IN_PLACE == init_db(environment, tmp_path)
    first = identity(tmp_path)
    code, output, lines = init_db(environment, tmp_path, "--new-identity")
    second = identity(tmp_path)
    assert (0, f"the catalogue's identity is {second} now: replace the processes that run\n") == (code, output), lines
    assert first != second
    assert IN_PLACE == init_db(environment, tmp_path, "--contract")
    assert second == identity(tmp_path)


@pytest.mark.parametrize(
    "command", [("init-db", "--check"), ("webhooks", "list"), ("serve", "--port", "0")], ids=" ".join
)
def test_a_missing_file_stays_missing(environment: dict[str, str], tmp_path: Path, command: tuple[str, ...]) -> None:
    """Whatever does not make the catalogue says that there is none, and leaves no empty file behind."""
    done = farmlokal(environment, tmp_path, *command)
    path = tmp_path / "catalogue.db"
    missing = f"farmlokal: the database file is missing ({path} does not exist: run `farmlokal init-db`)"
    assert (1, missing) == (done.returncode, done.stderr.splitlines()[-1])
    assert "Traceback" not in done.stderr
    assert not path.exists()


def test_two_tasks_at_once_are_wrong_usage(environment: dict[str, str], tmp_path: Path) -> None:
    """`init-db` has one task at a time: two are exit code 2, and nothing is made."""
    assert 2 == init_db(environment, tmp_path, "--check", "--contract")[0]
    assert not (tmp_path / "catalogue.db").exists()
