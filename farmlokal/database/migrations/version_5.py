"""Version 5: a picture, a description and a brand of products, and the log of what changed.

A release before does not write the log, so that it may not use the database once this version is in full.
"""

from farmlokal.database.migrations.migration import Change, Migration

_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL"
_ASCII = "CHARACTER SET ascii COLLATE ascii_bin NOT NULL"


def _add_column(name: str, chars_max: int) -> Change:
    return Change(
        name=f"products.{name}",
        mysql=f"ALTER TABLE products ADD COLUMN {name} VARCHAR({chars_max}) {_TEXT}, ALGORITHM = INSTANT",
        sqlite=f"ALTER TABLE products ADD COLUMN {name} TEXT NULL",
        # A table that is missing is made as a whole afterwards.
        in_place=lambda shape: "products" not in shape or name in shape["products"].columns,
    )


def _create(table: str, *, mysql: str, sqlite: str) -> Change:
    return Change(
        name=table,
        mysql=f"CREATE TABLE {table} ({mysql}) ENGINE = InnoDB",
        sqlite=f"CREATE TABLE {table} ({sqlite}) STRICT",
        in_place=lambda shape: table in shape,
    )


_CHANGES = (
    _create(
        "change_outbox",
        mysql=f"id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, product_ids VARCHAR(10000) {_ASCII},"
        " noted_at BIGINT NOT NULL",
        sqlite="id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, product_ids TEXT NOT NULL, noted_at INTEGER NOT NULL",
    ),
    _create(
        "changes",
        mysql=f"number BIGINT NOT NULL PRIMARY KEY, product_ids VARCHAR(10000) {_ASCII}, numbered_at BIGINT NOT NULL",
        sqlite="number INTEGER NOT NULL PRIMARY KEY, product_ids TEXT NOT NULL, numbered_at INTEGER NOT NULL",
    ),
    _create(
        "change_log",
        mysql="id TINYINT NOT NULL PRIMARY KEY, last BIGINT NOT NULL DEFAULT 0, forgotten BIGINT NOT NULL DEFAULT 0,"
        f" holder VARCHAR(64) {_ASCII}, lease_until BIGINT NOT NULL",
        sqlite="id INTEGER NOT NULL PRIMARY KEY, last INTEGER NOT NULL DEFAULT 0,"
        " forgotten INTEGER NOT NULL DEFAULT 0, holder TEXT NOT NULL, lease_until INTEGER NOT NULL",
    ),
)

VERSION_5 = Migration(
    version=5,
    usable_from=5,
    expand=(
        _add_column("image_url", 1000),
        _add_column("description", 2000),
        _add_column("brand", 100),
        *_CHANGES,
    ),
)
