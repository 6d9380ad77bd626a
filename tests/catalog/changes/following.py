"""What the tests of the change feed share: a mirror without HTTP, and what it should hold."""

from typing import Any

import orjson
from pydantic import TypeAdapter

from farmlokal.catalog.changes.feed import ChangeFeed
from farmlokal.catalog.changes.position import parse_position
from farmlokal.catalog.changes.schemas import ChangePage
from farmlokal.catalog.changes.sequencer import Sequencer
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.database.identity import read_identity
from farmlokal.database.interface import Database
from farmlokal.errors import PositionGone
from tests.catalog.changes.mirror import Ask, Mirror, Page

_CHECKED = TypeAdapter(ChangePage)


async def feed_of(database: Database) -> ChangeFeed:
    """The feed of a catalogue, as a service has it."""
    feed = ChangeFeed(database)
    feed.belong_to(await read_identity(database))
    return feed


def asking(feed: ChangeFeed, limit: int = 100) -> Ask:
    """Ask the feed itself; each page is held to its schema."""

    async def ask(after: str | None) -> Page | None:
        try:
            page = await feed.page(None if after is None else parse_position(after), limit)
        except PositionGone:
            return None
        content: Page = orjson.loads(page.value.body)
        _CHECKED.validate_python(content, strict=True)
        return content

    return ask


class Following:
    """A catalogue, its sequencer, and a mirror."""

    def __init__(self, database: Database, feed: ChangeFeed, limit: int) -> None:
        self.database = database
        self.feed = feed
        self.sequencer = Sequencer(database)
        self.mirror = Mirror(asking(feed, limit))

    async def catch_up(self) -> dict[int, dict[str, Any]]:
        """Number what is there, and let the mirror take it over. Returns what it holds."""
        await self.sequencer.number()
        await self.mirror.catch_up()
        return self.mirror.products


async def follow(database: Database, limit: int = 100) -> Following:
    """Follow `database`, by pages of so many products."""
    return Following(database, await feed_of(database), limit)


async def on_offer(database: Database) -> dict[int, dict[str, Any]]:
    """Every product's own answer, with its identity: what a mirror should hold."""
    store = ProductStore(database)
    rows = await database.fetch_unlimited("SELECT id, source, external_id, version FROM products WHERE live = 1")
    return {
        product_id: {
            **orjson.loads(await store.product(product_id) or b"{}"),
            "source": source,
            "external_id": external_id,
            "version": version,
        }
        for product_id, source, external_id, version in rows
    }
