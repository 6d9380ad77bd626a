"""What a start finds in its database, and the fields of the line that says what is served, and from where."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from farmlokal.catalog.planning.sample import Sample
from farmlokal.database.address import parse_address
from farmlokal.settings import Settings, mask


@dataclass(slots=True)
class Found:
    """Filled in by the start. schema_version: as the database has it. products: how many there are, by a sample."""

    schema_version: int | None = None
    products: int = 0

    def sampled(self, sample: Sample) -> None:
        """Estimate the number of products by `sample`, which has all of them where there are few."""
        self.products = round(len(sample) / sample.share)

    def line(self, settings: Settings) -> dict[str, Any]:
        """Return the fields, without secrets: where the catalogue and what processes share are, and what was found."""
        return {
            "database": str(parse_address(settings.database_url)),
            "schema_version": self.schema_version,
            "redis": mask("redis_url", settings.redis_url) or "none",
            "products": self.products,
        }


FOUND = web.AppKey("FOUND", Found)
