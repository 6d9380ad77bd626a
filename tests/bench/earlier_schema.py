"""The table of products before near and search, and the writer as it was then: what today's cost stands beside.

It stands for schema version 2, the last without cells, vectors, names and their indexes. `derived_version` is in it
only because the writer brings it, as are a picture, a description and a brand: no index has any of them.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from farmlokal.catalog.writing import product_rows, writer
from farmlokal.catalog.writing.derived import DERIVED_COLUMNS, Deriving, Values
from tests.bench.stand import Catalogue

_PASSED = "district_key, state_key, farm_id, in_stock, organic"
_NAMED = "rating_key, name_key"
_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_WORD = "CHARACTER SET ascii COLLATE ascii_bin"
_PRODUCTS = f"""
CREATE TABLE products (
    id           BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    source       VARCHAR(32) {_TEXT} NOT NULL,
    external_id  VARCHAR(191) {_TEXT} NOT NULL,
    version      BIGINT NOT NULL,
    digest       CHAR(32) {_WORD} NOT NULL,
    live         TINYINT NOT NULL DEFAULT 1,
    name         VARCHAR(200) {_TEXT} NOT NULL,
    name_key     VARCHAR(64) {_TEXT} NOT NULL,
    category     VARCHAR(16) {_WORD} NOT NULL,
    price        DECIMAL(12, 2) NOT NULL,
    unit         VARCHAR(16) {_TEXT} NOT NULL,
    farm_id      BIGINT NULL,
    farm_name    VARCHAR(100) {_TEXT} NULL,
    market       VARCHAR(100) {_TEXT} NULL,
    district     VARCHAR(100) {_TEXT} NULL,
    district_key VARCHAR(100) {_TEXT} NULL,
    state        VARCHAR(100) {_TEXT} NULL,
    state_key    VARCHAR(100) {_TEXT} NULL,
    lat          DOUBLE NULL,
    lon          DOUBLE NULL,
    stock        INT NOT NULL DEFAULT 0,
    in_stock     TINYINT GENERATED ALWAYS AS (stock > 0) STORED,
    organic      TINYINT NOT NULL DEFAULT 0,
    rating       DECIMAL(3, 2) NULL,
    rating_key   SMALLINT GENERATED ALWAYS AS (COALESCE(CAST(rating * 100 AS SIGNED) + 1, 0)) STORED,
    created_at   DATETIME NOT NULL,
    updated_at   DATETIME NOT NULL,
    derived_version BIGINT NULL,
    image_url    VARCHAR(1000) {_TEXT} NULL,
    description  VARCHAR(2000) {_TEXT} NULL,
    brand        VARCHAR(100) {_TEXT} NULL,
    CONSTRAINT products_identity UNIQUE (source, external_id),
    INDEX products_by_created_at (live, created_at, id, category, price, {_PASSED}),
    INDEX products_by_price (live, price, id, category, created_at, {_PASSED}, {_NAMED}),
    INDEX products_by_name (live, name_key, id, category, price, {_PASSED}),
    INDEX products_by_rating (live, rating_key, id, category, price, {_PASSED}),
    INDEX products_of_category_by_created_at (live, category, created_at, id, price, {_PASSED}),
    INDEX products_of_category_by_price (live, category, price, id, created_at, {_PASSED}, {_NAMED}),
    INDEX products_of_category_by_name (live, category, name_key, id, price, {_PASSED}),
    INDEX products_of_district
        (live, district_key, created_at, id, category, price, state_key, farm_id, in_stock, organic, {_NAMED}),
    INDEX products_of_state
        (live, state_key, created_at, id, category, price, district_key, farm_id, in_stock, organic, {_NAMED}),
    INDEX products_of_farm_by_price
        (live, farm_id, price, id, category, created_at, district_key, state_key, in_stock, organic, {_NAMED}),
    INDEX products_of_farm_by_name
        (live, farm_id, name_key, id, category, price, district_key, state_key, in_stock, organic)
) ENGINE = InnoDB
"""


def make_earlier(catalogue: Catalogue) -> None:
    """Make an empty catalogue what it was before near and search."""
    for statement in ("DROP TABLE products, names", _PRODUCTS):
        catalogue.execute(statement)


class _NoNames:
    """The names that a load has met, where there are none."""

    born = False

    def __init__(self, _: object) -> None:
        self.ids: dict[object, int] = {}
        self.units: set[object] = set()

    async def learn(self, _: object) -> None:
        """Learn nothing."""


async def _nothing_derived(_: Deriving, products: Sequence[Values]) -> list[Values]:
    return [()] * len(products)


@contextmanager
def earlier_writer() -> Iterator[None]:
    """Let `ProductWriter` derive nothing and know of no names, until the block ends."""
    columns = [name for name in product_rows.COLUMNS if name not in DERIVED_COLUMNS]
    with patch.multiple(
        writer,
        derived_values=_nothing_derived,
        KnownNames=_NoNames,
        INSERT=f"INSERT INTO products ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",
        REPLACE=f"UPDATE products SET {', '.join(f'{name} = %s' for name in columns[2:])} WHERE id = %s",
    ):
        yield
