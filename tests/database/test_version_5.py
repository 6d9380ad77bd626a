"""From version 4 to 5: what products are is as it was, and a picture, a description and a brand can be added."""

from pathlib import Path

from farmlokal.catalog.writing.mending import BATCHES
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.migrations import MIGRATIONS
from farmlokal.database.schema import StoredVersion, contract_schema, create_schema, statements
from tests.catalog.upserting import record
from tests.support.backends import database_on, on_every_backend

_FILES = {"mysql": "version_4.sql", "sqlite": "version_4_sqlite.sql"}
# What the release of version 4 computed of this product.
_DIGEST = "0b7dd328c547d96058e594c9a6ab0e0a"
_OKRA = record(farm="Patil Farm", stock=3, created_at="2026-01-01T00:00:00Z")
_INSERT = (
    "INSERT INTO products (source, external_id, version, digest, name, name_key, category, price, unit, farm_name,"
    " stock, created_at, updated_at) VALUES ('feed', 'okra-1', 1, %s, 'Okra', 'okra', 'vegetables', %s, 'kg',"
    " 'Patil Farm', 3, '2026-01-01 00:00:00', '2026-01-01 00:00:00')"
)


@on_every_backend
async def test_products_of_version_4_are_what_they_were(backend_url: str) -> None:
    """The same version with the same content is unchanged, with a picture it is refused, and a newer one takes it."""
    async with database_on(backend_url) as database:
        file = Path(__file__).parent / "schemas" / _FILES[database.dialect.name]
        await database.run_script(statements(file.read_text("utf-8")))
        params = (_DIGEST, database.dialect.price_in(2450))
        await database.in_transaction(lambda session: session.execute(_INSERT, params))
        assert StoredVersion(4, 4) == await create_schema(database, batches=BATCHES)
        newest = MIGRATIONS[-1]
        assert StoredVersion(newest.version, newest.usable_from) == await contract_schema(database, batches=BATCHES)
        writer = ProductWriter(database)
        pictured = _OKRA._replace(image_url="https://images.example/okra.jpg", brand="Gaon Se")
        outcomes = [
            (await writer.apply([change]))[0].outcome for change in (_OKRA, pictured, pictured._replace(version=2))
        ]
        assert [WriteOutcome.UNCHANGED, WriteOutcome.REJECTED, WriteOutcome.UPDATED] == outcomes
        words = await database.fetch("SELECT image_url, description, brand FROM products")
        assert [(pictured.image_url, None, "Gaon Se")] == words
