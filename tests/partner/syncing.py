"""A sync of a test's feed into a catalogue, and a look at what it left there."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from farmlokal.app.syncing import CatalogueSink
from farmlokal.app.webhooks import WakeProducts, product_waker, webhook_receiver
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.wire import parse_product
from farmlokal.database.interface import Database
from farmlokal.partner.sync.feed import FetchPage
from farmlokal.partner.sync.run import Run
from farmlokal.partner.sync.run_store import SyncRuns
from farmlokal.partner.sync.service import Sync
from farmlokal.partner.sync.walk import SyncWalk
from farmlokal.webhooks.inbox import Inbox
from tests.partner.feed_server import FeedServer, feed_server, reader_of
from tests.support.service import open_database

SOURCE = "partner"
COUNTS = ("fetched", "created", "updated", "unchanged", "outdated", "deleted", "rejected", "pages")


class Tags:
    """Collects the cache tags that committed pages touched."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    async def __call__(self, tags: frozenset[str], **_: object) -> None:
        """Told of one page."""
        self.seen |= tags


def waker(database: Database, on_change: Tags) -> WakeProducts:
    """What a process of its own wakes the events with that wait for products of the feed."""
    return product_waker(webhook_receiver(database, Inbox(database), on_change, source=SOURCE))


def sync_into(
    database: Database,
    fetch: FetchPage,
    *,
    on_change: Tags | None = None,
    lease_s: int = 10,
    patience_s: float = 60,
    on_page: Callable[[Run], None] = lambda _: None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Sync:
    """A sync as a process of its own would have it."""
    runs = SyncRuns(database, SOURCE, lease_s=lease_s)
    on_change = on_change or Tags()
    sink = CatalogueSink(database, SOURCE, on_change, waker(database, on_change), now=now)
    return Sync(runs, SyncWalk(runs, fetch, sink, patience_s=patience_s, on_page=on_page), poll_s=0.02)


class Syncing:
    """One feed server, one catalogue, and syncs of the one into the other."""

    def __init__(self, server: FeedServer, database: Database, fetch: FetchPage) -> None:
        self.server = server
        self.database = database
        self.fetch = fetch
        self.tags = Tags()

    def another(self, **options: Any) -> Sync:
        """A sync that shares nothing with others but the database."""
        return sync_into(self.database, self.fetch, **{"on_change": self.tags, "patience_s": 0.0, **options})

    def runs(self) -> SyncRuns:
        """The runs as another process sees them."""
        return SyncRuns(self.database, SOURCE, lease_s=10)

    def walk(self, runs: SyncRuns, sink_type: type[CatalogueSink] = CatalogueSink) -> SyncWalk:
        """The walk of a process that dies after it: nobody notes how its run ended."""
        sink = sink_type(self.database, SOURCE, self.tags, waker(self.database, self.tags))
        return SyncWalk(runs, self.fetch, sink, patience_s=0.0)

    async def __call__(self, *, full: bool = False, **options: Any) -> Run:
        """One run to its end."""
        return await self.another(**options).run(full=full)

    async def live(self) -> set[tuple[str, str]]:
        """Source and external id of every live product."""
        return set(await self.database.fetch_unlimited("SELECT source, external_id FROM products WHERE live = 1"))


@asynccontextmanager
async def syncing(database_url: str) -> AsyncIterator[Syncing]:
    """A feed server without rows and an empty catalogue."""
    async with open_database(database_url) as database, feed_server() as server, reader_of(server.url) as fetch:
        yield Syncing(server, database, fetch)


def counts(run: Run) -> dict[str, int]:
    """The counts of `run` that are not zero."""
    return {name: getattr(run, name) for name in COUNTS if getattr(run, name)}


def expected_row(wire: dict[str, Any]) -> tuple[Any, ...]:
    """What `stored_rows` gives of the product that `wire` describes."""
    record: ProductRecord = parse_product(wire, source=SOURCE)
    return (
        record.external_id, record.version, record.name, record.category, record.price_paise, record.unit, record.farm,
        record.market, record.district, record.state, record.lat, record.lon, record.stock or 0, int(record.organic),
        record.rating, record.created_at,
    )  # fmt: skip


async def stored_rows(database: Database, external_ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """Every field that the wire has of the feed's live products among `external_ids`, by external id."""
    marks = ", ".join(["%s"] * len(external_ids))
    rows = await database.fetch_unlimited(
        "SELECT external_id, version, name, category, price, unit, farm_name, market, district, state, lat, lon,"
        " stock, organic, rating, created_at FROM products"
        f" WHERE source = 'partner' AND live = 1 AND external_id IN ({marks})",
        external_ids,
    )
    return {row[0]: _plain(database.dialect.name, row) for row in rows}


def _plain(dialect: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    paise = row[4] if dialect == "sqlite" else int(row[4].replace(".", ""))
    rating = None if row[14] is None else float(row[14])
    return (*row[:4], paise, *row[5:14], rating, row[15].replace(" ", "T").removesuffix("Z") + "Z")
