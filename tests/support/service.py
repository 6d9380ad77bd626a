"""The service inside a test: the real application on a real socket, on either backend."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import ClientSession, web
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from typing_extensions import override

from farmlokal.app.factory import create_app
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.interface import Database
from farmlokal.database.schema import create_schema
from farmlokal.settings import Settings
from farmlokal.web.runner import ServiceRunner

CATALOGUE_FILE = "catalogue.db"
SECRET_KEY = "a key that only the tests know"


def sqlite_url(folder: Path) -> str:
    """The URL of an SQLite file in `folder`."""
    return f"sqlite:///{folder / CATALOGUE_FILE}"


class _GivenSettings(Settings):
    """Settings that are all given: neither the environment nor a file is looked into."""

    @classmethod
    @override
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def settings_for(database_url: str, **others: Any) -> Settings:
    """Settings for a test, whatever the environment says; without a rate limit unless the test has one.

    Redis may be slow: on a busy machine it takes longer to answer than the service usually waits.
    """
    ours = {"database_url": database_url, "secret_key": SECRET_KEY, "drain_s": 0, "rate_limit": "off"}
    ours |= {"redis_wait_ms": 5000} if others.get("redis_url") else {}
    return _GivenSettings(**{**ours, **others})


@asynccontextmanager
async def open_database(url: str, *, statement_limit_ms: int = 2000, pool_size: int = 4) -> AsyncIterator[Database]:
    """The database at `url` with our schema in place."""
    database = database_at(parse_address(url), pool_size=pool_size, statement_limit_ms=statement_limit_ms)
    try:
        await create_schema(database)
        yield database
    finally:
        await database.close()


async def fill(url: str, records: list[ProductRecord]) -> None:
    """Bring `records` into the catalogue at `url`, whose schema is made."""
    async with open_database(url) as database:
        await ProductWriter(database).apply(records)


class Service(NamedTuple):
    """A running service: its application, its port on 127.0.0.1, a client for addresses relative to it, its runner."""

    app: web.Application
    port: int
    client: ClientSession
    runner: ServiceRunner


@asynccontextmanager
async def serving(settings: Settings, table: QuestionTable = TABLE) -> AsyncIterator[Service]:
    """Run the service until the block ends. table: what may be asked of it."""
    app = create_app(settings, table=table)
    runner = ServiceRunner(app, hot_path=settings.hot_path == "on", shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with ClientSession(f"http://127.0.0.1:{port}") as client:
            yield Service(app, port, client, runner)
    finally:
        await runner.cleanup()
