"""Version 5: what products look like and how they are described; what there is to filter by; the log of what changed.

A release before does not write the log, so that it may not use the database once this version is in full.
"""

from farmlokal.database.migrations.migration import Change, Migration, Sweep

_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
_NAME = f"VARCHAR(100) {_TEXT} NOT NULL"
_ASCII = "CHARACTER SET ascii COLLATE ascii_bin NOT NULL"


def _add_column(name: str, chars_max: int) -> Change:
    return Change(
        name=f"products.{name}",
        mysql=f"ALTER TABLE products ADD COLUMN {name} VARCHAR({chars_max}) {_TEXT} NULL, ALGORITHM = INSTANT",
        sqlite=f"ALTER TABLE products ADD COLUMN {name} TEXT NULL",
        # A table that is missing is made as a whole afterwards.
        in_place=lambda shape: "products" not in shape or name in shape["products"].columns,
    )


def _create(table: str, *, mysql: str, sqlite: str, sqlite_kind: str = "STRICT") -> Change:
    return Change(
        name=table,
        mysql=f"CREATE TABLE {table} ({mysql}) ENGINE = InnoDB",
        sqlite=f"CREATE TABLE {table} ({sqlite}) {sqlite_kind}",
        in_place=lambda shape: table in shape,
    )


def _index(table: str, name: str, columns: str) -> Change:
    return Change(
        name=name,
        # MySQL's came with the table.
        mysql="SELECT 1",
        sqlite=f"CREATE INDEX {name} ON {table} ({columns})",
        in_place=lambda shape: table in shape and name in shape[table].indexes,
    )


_UNITS = (
    _create(
        "name_units",
        mysql=f"name_id INT NOT NULL, unit VARCHAR(16) {_TEXT} NOT NULL,"
        " PRIMARY KEY (name_id, unit), INDEX name_units_by_unit (unit, name_id)",
        sqlite="name_id INTEGER NOT NULL, unit TEXT NOT NULL, PRIMARY KEY (name_id, unit)",
        sqlite_kind="STRICT, WITHOUT ROWID",
    ),
    _index("name_units", "name_units_by_unit", "unit, name_id"),
    Sweep(name="name_units.filled", table="products"),
)
_DIRECTORY = (
    _create(
        "places",
        mysql=f"id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, level TINYINT NOT NULL, state_key {_NAME},"
        f" district_key {_NAME}, market_key {_NAME}, words {_NAME}, name {_NAME},"
        f" district VARCHAR(100) {_TEXT} NULL, state VARCHAR(100) {_TEXT} NULL, products BIGINT NOT NULL,"
        " CONSTRAINT places_identity UNIQUE (level, state_key, district_key, market_key),"
        " INDEX places_by_words (level, words, id), INDEX places_of_state (level, state_key, words, id)",
        sqlite="id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, level INTEGER NOT NULL, state_key TEXT NOT NULL,"
        " district_key TEXT NOT NULL, market_key TEXT NOT NULL, words TEXT NOT NULL, name TEXT NOT NULL,"
        " district TEXT NULL, state TEXT NULL, products INTEGER NOT NULL,"
        " CONSTRAINT places_identity UNIQUE (level, state_key, district_key, market_key)",
    ),
    _index("places", "places_by_words", "level, words, id"),
    _index("places", "places_of_state", "level, state_key, words, id"),
    _create(
        "listed_farms",
        mysql=f"id BIGINT NOT NULL PRIMARY KEY, district_key {_NAME}, words {_NAME},"
        f" name {_NAME}, district VARCHAR(100) {_TEXT} NULL, state VARCHAR(100) {_TEXT} NULL, products BIGINT NOT NULL,"
        " INDEX listed_farms_by_words (words, id), INDEX listed_farms_of_district (district_key, words, id)",
        sqlite="id INTEGER NOT NULL PRIMARY KEY, district_key TEXT NOT NULL, words TEXT NOT NULL, name TEXT NOT NULL,"
        " district TEXT NULL, state TEXT NULL, products INTEGER NOT NULL",
    ),
    _index("listed_farms", "listed_farms_by_words", "words, id"),
    _index("listed_farms", "listed_farms_of_district", "district_key, words, id"),
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
        *_UNITS,
        *_DIRECTORY,
        *_CHANGES,
    ),
)
