"""The database users of docs/operations.md: with the rights that stand there, and no more, everything works."""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from farmlokal.database.migrations import MIGRATIONS
from farmlokal.database.schema import check_schema, contract_schema, create_schema
from farmlokal.errors import RightMissing, SchemaMismatch
from tests.database.upgrading import ALL_BATCHES, MADE_UP, make_first_version
from tests.servers import NamedDatabase
from tests.support.backends import database_on, on_every_server
from tests.support.command import developers, farmlokal
from tests.support.partner_process import partner_process
from tests.support.service import SECRET_KEY, serving, settings_for
from tests.support.webhook_sender import SECRET, deliver, order, product

OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"
SERVICE, ADMIN = "farmlokal", "farmlokal-schema"
ALL = (*MIGRATIONS, MADE_UP)
OF_VERSION_1 = f"version 1, not {MIGRATIONS[-1].version}: run `farmlokal init-db`"
_number = count(1)


class Users:
    """Makes users of one test's database, and their URLs."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._server = NamedDatabase(url)
        self._url = url
        self._stack = stack

    def with_rights(self, rights: str) -> str:
        """The URL of a new user who has `rights` on the database."""
        parts = urlsplit(self._url)
        # Other processes that run tests have users on the same server.
        user = f"fl_{os.getpid()}_{next(_number)}"
        self._server.execute(f"CREATE USER '{user}'@'%' IDENTIFIED BY 'hunter2'")
        self._stack.callback(self._server.execute, f"DROP USER '{user}'@'%'")
        self._server.execute(f"GRANT {rights} ON `{parts.path[1:]}`.* TO '{user}'@'%'")
        return urlunsplit(parts._replace(netloc=f"{user}:hunter2@{parts.netloc.rpartition('@')[2]}"))

    def documented(self, name: str) -> str:
        """The URL of a user with the rights that docs/operations.md gives to user `name`."""
        granted = rf"^GRANT (.*) ON farmlokal\.\* TO '{name}'@'%';$"
        (rights,) = re.findall(granted, OPERATIONS.read_text("utf-8"), re.MULTILINE)
        return self.with_rights(rights)


@pytest.fixture
def users(backend_url: str) -> Iterator[Users]:
    """Users of the test's database, dropped with it."""
    with ExitStack() as stack:
        yield Users(backend_url, stack)


@on_every_server
async def test_the_migration_user_may_do_all_of_it(backend_url: str, users: Users) -> None:
    """With the documented rights a schema is made, and another one upgraded and contracted."""
    async with database_on(users.documented(ADMIN)) as database:
        await create_schema(database, batches=ALL_BATCHES)
        await contract_schema(database, migrations=ALL, batches=ALL_BATCHES)
        await check_schema(database)
        tables = await database.fetch(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
        )
        await database.run_script([f"DROP TABLE {name}" for (name,) in tables])
    async with database_on(backend_url) as root:
        await make_first_version(root, products=3)
    async with database_on(users.documented(ADMIN)) as database:
        await create_schema(database, migrations=ALL, batches=ALL_BATCHES)
        await contract_schema(database, migrations=ALL, batches=ALL_BATCHES)
        await check_schema(database)


@on_every_server
async def test_who_may_not_create_is_told_the_right(users: Users, tmp_path: Path) -> None:
    """`init-db` by the service's user on an empty database ends with one line that names CREATE, and no traceback."""
    url = users.documented(SERVICE)
    async with database_on(url) as database:
        with pytest.raises(RightMissing, match="CREATE"):
            await create_schema(database, batches=ALL_BATCHES)
    environment = developers(tmp_path) | {"FARMLOKAL_DATABASE_URL": url, "FARMLOKAL_SECRET_KEY": SECRET_KEY}
    done = await asyncio.to_thread(farmlokal, environment, tmp_path, "init-db")
    (line,) = done.stderr.splitlines()
    assert (1, "") == (done.returncode, done.stdout)
    assert line.startswith("farmlokal: the database user lacks a right: CREATE command denied to user")
    assert "Traceback" not in done.stderr


@on_every_server
async def test_an_upgrade_without_the_right_changes_nothing(backend_url: str, users: Users) -> None:
    """The service's user cannot upgrade; afterwards the schema is what it was, and the error names the right."""
    async with database_on(backend_url) as root:
        await make_first_version(root)
    async with database_on(users.documented(SERVICE)) as database:
        with pytest.raises(RightMissing, match="CREATE command denied"):
            await create_schema(database, batches=ALL_BATCHES)
        with pytest.raises(SchemaMismatch, match=OF_VERSION_1):
            await check_schema(database)


@on_every_server
async def test_a_reader_may_check(backend_url: str, users: Users) -> None:
    """Who may only read gets the same answers from the check: to upgrade, all is well, what is missing."""
    async with database_on(backend_url) as root, database_on(users.with_rights("SELECT")) as reader:
        await make_first_version(root)
        with pytest.raises(SchemaMismatch, match=OF_VERSION_1):
            await check_schema(reader)
        await create_schema(root, batches=ALL_BATCHES)
        await check_schema(reader)
        await contract_schema(root, batches=ALL_BATCHES)
        await check_schema(reader)
        await root.run_script(["DROP INDEX listing_by_name ON products"])
        with pytest.raises(SchemaMismatch, match="index listing_by_name of products is missing"):
            await check_schema(reader)


@pytest.mark.proof
@on_every_server
async def test_the_service_user_does_the_whole_work(backend_url: str, users: Users, tmp_path: Path) -> None:
    """With the documented rights: seed by several processes, import, sync, webhooks, listing, `init-db` in place."""
    async with database_on(backend_url) as root:
        await create_schema(root, batches=ALL_BATCHES)
    url = users.documented(SERVICE)
    lines = [json.dumps({**product(f"okra-{number}"), "source": "coop"}) for number in range(3)]
    (tmp_path / "some.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with partner_process(tmp_path, 30) as partner:
        environment = partner.environment(tmp_path, url) | {"FARMLOKAL_LOG_LEVEL": "warning"}
        for command in (
            ("init-db",),
            ("init-db", "--check"),
            ("seed", "--products", "20001"),
            ("import", "--replace", "some.ndjson"),
            ("sync",),
            ("webhooks", "list"),
            ("init-db", "--new-identity"),
        ):
            done = await asyncio.to_thread(farmlokal, environment, tmp_path, *command)
            assert 0 == done.returncode, (command, done.stdout, done.stderr)
    async with serving(settings_for(url, webhook_secrets=SECRET)) as service:
        for event, data in (
            ("product.upserted", product(version=2, stock=10)),
            ("order.placed", order("order-1")),
            ("order.cancelled", order("order-1")),
            ("product.deleted", {"external_id": "okra-1", "version": 9}),
        ):
            answer = await deliver(service.client, event, data)
            assert 200 == answer.status, answer
        for target in ("/products?category=fruits&sort=price", "/products/1", "/categories", "/readyz", "/metrics"):
            async with service.client.get(target) as response:
                assert 200 == response.status, await response.text()
