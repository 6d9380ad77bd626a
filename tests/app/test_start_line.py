"""What a start says of itself: where the catalogue is and how large, and none of the passwords on the way there."""

import os
import signal
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from farmlokal.app import dependencies
from farmlokal.app.server import serve
from farmlokal.app.start_line import start_line
from farmlokal.catalog.planning import planner
from farmlokal.catalog.planning.sample import Sample, draw_sample
from farmlokal.catalog.writing.bulk_load import seed_catalogue
from farmlokal.database.address import parse_address
from farmlokal.database.interface import Database
from farmlokal.database.schema import SCHEMA_VERSION, StoredVersion, check_schema
from farmlokal.errors import DatabaseMissing
from tests.servers import DatabaseAccess
from tests.support.log_lines import logged
from tests.support.products import PRODUCTS, product
from tests.support.service import fill, open_database, settings_for, sqlite_url

PASSWORD = "pa/ss#wo?rd"
REDIS_URL = f"rediss://farmer:{quote(PASSWORD, safe='')}@cache:6379/3?ssl_password={quote(PASSWORD, safe='')}"
# More than are sampled.
MANY = 6000


async def test_the_place_of_everything_is_named_without_passwords(mariadb: DatabaseAccess, mysql_url: str) -> None:
    """MariaDB by host, port and database; Redis, which need not answer, by its URL; the number of products."""
    await fill(mysql_url, [product(number) for number in range(1, PRODUCTS + 1)])
    parts = urlsplit(mysql_url)
    user = f"start_{parts.path[1:]}"
    mariadb.execute(f"CREATE USER {user} IDENTIFIED BY '{PASSWORD}'")
    mariadb.execute(f"GRANT SELECT ON `{parts.path[1:]}`.* TO {user}")
    try:
        place = f"{user}:{quote(PASSWORD, safe='')}@{parts.hostname}:{parts.port}"
        url = parts._replace(netloc=place).geturl()
        line = await start_line(settings_for(url, redis_url=REDIS_URL))
    finally:
        mariadb.execute(f"DROP USER {user}")
    assert {
        "database": f"mysql {parts.hostname}:{parts.port}{parts.path}",
        "schema_version": SCHEMA_VERSION,
        "redis": "rediss://farmer:***@cache:6379/3?ssl_password=***",
        "products": PRODUCTS,
    } == line


async def test_a_large_catalogue_is_estimated(tmp_path: Path) -> None:
    """Only products that are still sold count; of more than are sampled, about so many."""
    url = sqlite_url(tmp_path)
    async with open_database(url) as database:
        await seed_catalogue(database, parse_address(url), MANY, lambda _: None)
        await database.run_script(["UPDATE products SET live = 0 WHERE id % 2 = 0"])
    line = await start_line(settings_for(url))
    assert f"sqlite {tmp_path / 'catalogue.db'}" == line["database"]
    assert "none" == line["redis"]
    # Ten standard deviations of such a draw.
    assert MANY / 2 == pytest.approx(line["products"], abs=270)


async def test_an_empty_catalogue_has_none(tmp_path: Path) -> None:
    """A schema without a row is a catalogue of 0 products, and no file is a fault."""
    url = sqlite_url(tmp_path)
    with pytest.raises(DatabaseMissing):
        await start_line(settings_for(url))
    async with open_database(url):
        pass
    assert 0 == (await start_line(settings_for(url)))["products"]


async def test_one_process_looks_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A single process checks the schema and draws the sample once, and its line has what it found then."""
    url = sqlite_url(tmp_path)
    await fill(url, [product(number) for number in range(1, PRODUCTS + 1)])
    looks: list[str] = []

    async def check(database: Database, **options: Any) -> StoredVersion:
        looks.append("schema")
        return await check_schema(database, **options)

    async def draw(database: Database, **options: Any) -> Sample:
        looks.append("sample")
        return await draw_sample(database, **options)

    monkeypatch.setattr(dependencies, "check_schema", check)
    monkeypatch.setattr(planner, "draw_sample", draw)
    with logged() as events:
        await serve(settings_for(url), "127.0.0.1", 0, on_ready=lambda _: os.kill(os.getpid(), signal.SIGTERM))
    assert ["schema", "sample"] == looks
    (line,) = [event for event in events if event["event"] == "serving"]
    assert (SCHEMA_VERSION, PRODUCTS) == (line["schema_version"], line["products"])
