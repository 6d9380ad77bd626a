"""What the tests of writing share: records, a clock that they turn, and a look at what is stored."""

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing.known_farms import KnownFarms
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome
from farmlokal.catalog.writing.versions import Change
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database

START = datetime(2026, 11, 22, 10, 15, tzinfo=UTC)


def record(external_id: str = "okra-1", version: int = 1, **fields: Any) -> ProductRecord:
    """A record with the required fields and what `fields` says."""
    required: dict[str, Any] = {"name": "Okra", "category": "vegetables", "price_paise": 2450, "unit": "kg"}
    return ProductRecord(**{"source": "feed", "external_id": external_id, "version": version, **required, **fields})


def deletion(external_id: str = "okra-1", version: int = 1, *, source: str = "feed") -> Deletion:
    """The deletion of one product of the feed."""
    return Deletion(source, external_id, version)


class StoredProduct(NamedTuple):
    """The columns of one row that the rules of writing are about."""

    id: int
    version: int
    live: int
    name: str
    stock: int
    organic: int
    farm_id: int | None
    district_key: str | None
    created_at: str
    updated_at: str


class Writing:
    """Writes to one catalogue, on a clock that starts at START and stands still until `pass_s`.

    load: whether the writer is one for many batches.
    """

    def __init__(self, database: Database, *, load: bool = False) -> None:
        self.database = database
        self.now = START
        self.writer = ProductWriter(database, farms=KnownFarms(database) if load else None, now=lambda: self.now)

    async def __call__(self, *changes: Change, sighting: str | None = None) -> list[WriteOutcome]:
        """Apply `changes` in one batch; their outcomes."""
        return [applied.outcome for applied in await self.applied(*changes, sighting=sighting)]

    async def applied(self, *changes: Change, sighting: str | None = None) -> list[Applied]:
        """Apply `changes` in one batch; their outcomes with the reasons."""
        return await self.writer.apply(changes, sighting=sighting)

    def pass_s(self, seconds: int) -> str:
        """Let `seconds` pass; what the wire calls the time then."""
        self.now += timedelta(seconds=seconds)
        return wire_time(self.now)

    async def stored(self, external_id: str = "okra-1", source: str = "feed") -> StoredProduct | None:
        """The row of one product, tombstone or not."""
        columns = ", ".join(StoredProduct._fields)
        rows = await self.database.fetch(
            f"SELECT {columns} FROM products WHERE source = %s AND external_id = %s", (source, external_id)
        )
        return StoredProduct(*rows[0]) if rows else None

    async def product(self, external_id: str = "okra-1", source: str = "feed") -> StoredProduct:
        """The row of one product that is known to be there."""
        row = await self.stored(external_id, source)
        assert row is not None
        return row

    async def live(self) -> list[str]:
        """The external ids of every live product, sorted."""
        rows = await self.database.fetch_unlimited("SELECT external_id FROM products WHERE live = 1")
        return sorted(row[0] for row in rows)
