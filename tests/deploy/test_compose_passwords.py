"""The compose file's passwords: whatever characters one has, the server and the service have the same."""

import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from dotenv import dotenv_values
from hypothesis import given, settings
from hypothesis import strategies as st

from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.schema import statements
from farmlokal.errors import DatabaseUnavailable
from farmlokal.settings import Settings
from tests.deploy.compose import compose, environment_of
from tests.deploy.deploy_files import DEPLOY, ROOT
from tests.support.own_servers import StartMariaDB

# What has a meaning in a URL, to Compose, in a shell, or in SQL.
PASSWORDS = [
    "p@ss/w:rd#?%25[&]=+",
    "$HOME ${X:-y} $$ `id` $(id)",
    'it\'s "so" \\',
    "\\' OR 1=1; -- ",
    "मिर्च ñ",
    "\\\\'",
]
# What an environment variable can hold, and MySQL compares.
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
RUN = DEPLOY / "compose" / "run.py"
DEFAULT = "development-only"


class Given(NamedTuple):
    """What an operator sets, for a service of the compose file, and who it then is at MySQL."""

    service: str
    variable: str
    user: str


SERVICES = [
    Given("app", "MYSQL_PASSWORD", "farmlokal"),
    Given("seed", "MYSQL_PASSWORD", "farmlokal"),
    Given("init-db", "MYSQL_SCHEMA_PASSWORD", "farmlokal-schema"),
]


@pytest.fixture(scope="module")
def shown_by(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a `farmlokal` that prints the arguments and the URL that it was given."""
    folder = tmp_path_factory.mktemp("path")
    program = folder / "farmlokal"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$*" "$FARMLOKAL_DATABASE_URL"\n', "utf-8")
    program.chmod(0o755)
    return folder


def run(service: str, variables: dict[str, str], path: Path) -> tuple[str, str]:
    """The arguments and the database's URL with which the container's `farmlokal` would run."""
    described = compose(variables)["services"][service]
    assert ["python3", "/etc/farmlokal/run.py"] == described["entrypoint"]
    done = subprocess.run(
        [sys.executable, RUN, *described["command"]],
        env=environment_of(service, variables) | {"PATH": f"{path}:{os.environ['PATH']}", "PYTHONUTF8": "1"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    arguments, url = done.stdout.splitlines()
    return arguments, url


@pytest.mark.parametrize("password", [*PASSWORDS, None])
@pytest.mark.parametrize("asked", SERVICES, ids=lambda asked: asked.service)
def test_the_service_signs_in_with_the_password_as_it_is(asked: Given, password: str | None, shown_by: Path) -> None:
    """The URL that is made, read as the service reads it, has the password that was set, or the development one."""
    arguments, url = run(asked.service, {} if password is None else {asked.variable: password}, shown_by)
    assert " ".join(compose({})["services"][asked.service]["command"]) == arguments
    assert MySQLAddress("mysql", 3306, asked.user, password or DEFAULT, "farmlokal") == parse_address(url)
    assert Settings(_env_file=None, database_url=url, secret_key="x" * 16).database_url == url


@settings(max_examples=30)
@given(password=TEXTS)
def test_a_password_reaches_server_and_service_alike(password: str) -> None:
    """Compose hands both containers the same text, without a look at what is in it."""
    variables = {"MYSQL_PASSWORD": password, "MYSQL_SCHEMA_PASSWORD": password[::-1]}
    server = environment_of("mysql", variables)
    assert (password, password[::-1]) == (server["SERVICE_PASSWORD"], server["SCHEMA_PASSWORD"])
    for asked in SERVICES:
        assert variables[asked.variable] == environment_of(asked.service, variables)["MYSQL_PASSWORD"]


@pytest.mark.parametrize("password", [one for one in PASSWORDS if not {"'", "\\"} & set(one)])
def test_in_the_env_file_a_password_stands_in_single_quotes(password: str, tmp_path: Path) -> None:
    """As the compose file says: a `#` there begins no comment, and to Compose a `$` is a dollar."""
    path = tmp_path / ".env"
    path.write_text(f"MYSQL_PASSWORD='{password}'\n", "utf-8")
    assert {"MYSQL_PASSWORD": password} == dotenv_values(path, interpolate=False)


def passwords_sql(service: str, schema: str) -> str:
    """What deploy/mysql/passwords.sh, sourced as the image does, sends to MySQL."""
    script = f'set -eo pipefail; docker_process_sql() {{ cat; }}; . "{DEPLOY / "mysql" / "passwords.sh"}"'
    done = subprocess.run(
        ["bash", "-c", script],
        env={"PATH": os.environ["PATH"], "SERVICE_PASSWORD": service, "SCHEMA_PASSWORD": schema},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout


async def test_mysql_takes_the_password_as_it_is(own_mariadb: StartMariaDB) -> None:
    """After the two files, a real server lets each user in with every one of the passwords, and with no other."""
    root = parse_address(own_mariadb().url("mysql"))
    assert isinstance(root, MySQLAddress)
    grants = list(statements((DEPLOY / "mysql" / "grants.sql").read_text("utf-8")))
    await run_sql(root, grants)
    await run_sql(root, grants)
    service = replace(root, user="farmlokal", password="", database="farmlokal")
    with pytest.raises(DatabaseUnavailable):  # it is locked
        await run_sql(service, ["SELECT 1"])
    for password in PASSWORDS:
        await run_sql(root, passwords_sql(password, password[::-1]).splitlines())
        await run_sql(replace(service, password=password), ["SELECT 1"])
        await run_sql(replace(service, user="farmlokal-schema", password=password[::-1]), ["SELECT 1"])
        with pytest.raises(DatabaseUnavailable):
            await run_sql(replace(service, password=f"{password}x"), ["SELECT 1"])


async def run_sql(address: MySQLAddress, sql: Iterable[str]) -> None:
    """Run statements as the user of `address`. Raises DatabaseUnavailable where it may not sign in."""
    database = database_at(address, pool_size=1, statement_limit_ms=5000)
    try:
        await database.run_script(sql)
    finally:
        await database.close()


def test_the_image_sources_what_needs_its_function() -> None:
    """The grants are first; and an executable script would be run instead, where there is no `docker_process_sql`."""
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in compose({})["services"]["mysql"]["volumes"]}
    names = sorted(path for path in mounted if path.startswith("/docker-entrypoint-initdb.d/"))
    assert ["./deploy/mysql/grants.sql", "./deploy/mysql/passwords.sh"] == [mounted[name] for name in names]
    assert 0 == (ROOT / mounted[names[1]]).stat().st_mode & 0o111
