"""What the tests of imports into a database share: small files of market prices, and a look at what became of them."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from farmlokal.catalog.imports.aliases import Aliases
from farmlokal.catalog.imports.importer import import_file
from farmlokal.catalog.imports.summary import ImportSummary
from farmlokal.catalog.writing.market_files import MarketFiles
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database

MARKET_HEADER = "MANDICODE,MANDINAME,STATECODE,LATITUDE,LONGITUDE,CENTREID"


class Catalogue:
    """Imports files into one database."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.writer = ProductWriter(database)
        self._folder = folder
        self.locations = folder / "locations.csv"
        (folder / "mandi-states.csv").write_text("STATECODE,STATE\n1,MAHARASHTRA\n")
        self.locations.write_text(f"{MARKET_HEADER}\n1,PIMPRI,1,18.62,73.8,1\n")

    async def load(
        self,
        content: str | Path,
        *,
        located: bool | Path = False,
        aliases: Aliases | None = None,
        sighting: str | None = None,
        now: datetime | None = None,
    ) -> ImportSummary:
        """Import a file, or what stands in one. located: with the markets' places."""
        path = content if isinstance(content, Path) else self._folder / "given.csv"
        if isinstance(content, str):
            path.write_text(content)
        locations = self.locations if located is True else located or None
        return await import_file(
            path,
            self.writer,
            MarketFiles(self.database),
            aliases=aliases,
            locations=locations,
            sighting=sighting,
            now=now,
        )

    async def tally(self, content: str | Path, **how: Any) -> Mapping[WriteOutcome, int]:
        """What became of the records of a file that is imported."""
        return (await self.load(content, **how)).tally

    async def offers(self, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of every product on offer, in the order of their identities."""
        return [
            tuple(row)
            for row in await self.database.fetch_unlimited(
                f"SELECT {', '.join(columns)} FROM products WHERE live = 1 ORDER BY external_id"
            )
        ]

    async def whole(self) -> list[tuple[Any, ...]]:
        """All that a catalogue holds but for its own numbers and times."""
        return await self.offers(
            *("source", "external_id", "version", "digest", "name", "category", "price", "unit", "market"),
            *("district", "state", "lat", "lon", "cell", "x", "yz", "stock", "created_at", "derived_version"),
        )
