"""deploy/mysql and deploy/redis: the users that the samples make can do what they are for, and no more than that."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest
from aiohttp import ClientSession
from redis import Redis
from redis.exceptions import NoPermissionError

from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.database.schema import statements
from farmlokal.limiting.redis_script import LimitKeys
from tests.deploy.deploy_files import DEPLOY, ROOT
from tests.support.command import farmlokal, make_catalogue, operators
from tests.support.logged_process import logged_process
from tests.support.own_servers import StartMariaDB, StartRedis
from tests.support.readiness import reported
from tests.support.redis_names import identity_at
from tests.support.waiting import until

GRANTS = DEPLOY / "mysql" / "grants.sql"
USERS = DEPLOY / "redis" / "users.acl"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
PASSWORD = "a password of the tests"


@pytest.fixture
def granted(own_mariadb: StartMariaDB) -> Iterator[MySQLAddress]:
    """A server with the sample's users, each with PASSWORD; the address of its root."""
    root = parse_address(own_mariadb().url("mysql"))
    assert isinstance(root, MySQLAddress)
    connection = pymysql.connect(host=root.host, port=root.port, user=root.user, password=root.password)
    with closing(connection), connection.cursor() as cursor:
        for sql in statements(GRANTS.read_text("utf-8")):
            cursor.execute(sql)
        for user in ("farmlokal", "farmlokal-schema"):
            cursor.execute(f"ALTER USER '{user}'@'%' IDENTIFIED BY '{PASSWORD}' ACCOUNT UNLOCK")
        yield root


def environment_of(user: str, root: MySQLAddress, folder: Path, redis_url: str) -> dict[str, str]:
    """The environment of commands that sign in as `user`."""
    url = f"mysql://{user}:{PASSWORD.replace(' ', '%20')}@{root.host}:{root.port}/farmlokal"
    return operators(folder, url, redis_url)


def test_the_samples_say_what_the_page_says() -> None:
    """Each user has the same rights in both places; the page's Redis user has those on the keys of one catalogue."""
    granted = re.compile(r"^GRANT (.*) ON `?farmlokal`?\.\* TO ('[^']+'@'%');$", re.MULTILINE)
    assert {"'farmlokal'@'%'", "'farmlokal-schema'@'%'"} == {user for _, user in granted.findall(OPERATIONS)}
    assert granted.findall(OPERATIONS) == granted.findall(GRANTS.read_text("utf-8"))
    (page,) = re.findall(r"^ACL SETUSER farmlokal (.*)$", OPERATIONS, re.MULTILINE)
    (sample,) = re.findall(r"^user farmlokal (.*)$", USERS.read_text("utf-8"), re.MULTILINE)
    one_catalogue = {"~farmlokal:{IDENTITY}:*", "~farmlokal:{IDENTITY-limit}:*", "&farmlokal:{IDENTITY}:*", ">PASSWORD"}
    any_catalogue = {"~farmlokal:*", "&farmlokal:*", ">CHANGE-ME"}
    assert set(page.split()) - one_catalogue == set(sample.split()) - any_catalogue
    assert (one_catalogue, any_catalogue) == (one_catalogue & set(page.split()), any_catalogue & set(sample.split()))


@pytest.mark.proof
async def test_the_service_has_rows_and_the_other_user_tables(
    granted: MySQLAddress, tmp_path: Path, redis_url: str
) -> None:
    """The one cannot make the schema; the other does, again and again; then the first fills and serves it."""
    service = environment_of("farmlokal", granted, tmp_path, redis_url)
    schema = environment_of("farmlokal-schema", granted, tmp_path, redis_url)
    assert 0 != farmlokal(service, tmp_path, "init-db").returncode
    for _ in range(2):
        done = farmlokal(schema, tmp_path, "init-db")
        assert 0 == done.returncode, done.stderr
    for _ in range(2):
        done = farmlokal(service, tmp_path, "seed", "--products", "300")
        assert 0 == done.returncode, done.stderr
    async with logged_process(service, tmp_path, "--workers", "1") as process:
        await process.until_logged("serving")


def test_neither_user_sees_another_database(granted: MySQLAddress) -> None:
    """What is granted is granted on `farmlokal` alone."""
    for user in ("farmlokal", "farmlokal-schema"):
        address = replace(granted, user=user, password=PASSWORD)
        with pytest.raises(pymysql.err.OperationalError, match="denied"):
            pymysql.connect(host=address.host, port=address.port, user=user, password=PASSWORD, database="mysql")


@pytest.fixture
def restricted(own_redis: StartRedis, tmp_path: Path) -> Iterator[tuple[Redis, str]]:
    """A Redis with the sample's user: a client that may everything, and the URL of that user.

    Its default user stays, for the test to look with.
    """
    default, ours = USERS.read_text("utf-8").splitlines()
    assert "user default off" == default
    path = tmp_path / "users.acl"
    path.write_text(f"{ours.replace('CHANGE-ME', 'of-the-tests')}\n", "utf-8")
    server = own_redis("--aclfile", str(path))
    with closing(Redis.from_url(server.url())) as client:
        yield client, server.url().replace("redis://", "redis://farmlokal:of-the-tests@")


async def test_redis_refuses_the_service_nothing(restricted: tuple[Redis, str], tmp_path: Path, mysql_url: str) -> None:
    """Pages, the rate limit, notices and a purge from outside: nothing of it is in the server's list of refusals."""
    redis, url = restricted
    environment = operators(tmp_path, mysql_url, url) | {"FARMLOKAL_RATE_LIMIT": "default=60000/minute"}
    await asyncio.to_thread(make_catalogue, environment)
    identity = await identity_at(mysql_url)
    async with logged_process(environment, tmp_path, "--workers", "2") as process, ClientSession(process.url) as client:
        for number in range(1, 30):
            async with client.get(f"/products?limit={number}") as answer:
                assert 200 == answer.status
        await until(lambda: redis.exists(LimitKeys(identity).processes) == 1)
        assert 0 == farmlokal(environment, tmp_path, "cache", "purge").returncode
        await reported(process.port, "redis", state="up")
    # The client's library tells servers that know it (7.2 and later) its name, and takes a refusal of that.
    assert [] == [one for one in redis.acl_log() if one["object"] != "client|setinfo"]


def test_redis_refuses_that_user_the_rest(restricted: tuple[Redis, str]) -> None:
    """Another's keys and channels, and commands that the service has no use for."""
    redis, url = restricted
    with closing(Redis.from_url(url)) as user:
        for refused in (
            ("GET", "other"),
            ("PUBLISH", "other", "x"),
            ("FLUSHALL",),
            ("KEYS", "*"),
            ("CONFIG", "GET", "*"),
        ):
            with pytest.raises(NoPermissionError):
                user.execute_command(*refused)  # type: ignore[no-untyped-call]
    assert redis.ping()
