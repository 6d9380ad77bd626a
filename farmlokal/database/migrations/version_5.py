"""Version 5: the places and the farms that products are of, as they are listed, and the units that names have."""

from farmlokal.database.migrations.migration import Change, Migration, Sweep

_TEXT = "VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"


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
        mysql="name_id INT NOT NULL, unit VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
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
        mysql=f"id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, level TINYINT NOT NULL, state_key {_TEXT} NOT NULL,"
        f" district_key {_TEXT} NOT NULL, market_key {_TEXT} NOT NULL, words {_TEXT} NOT NULL, name {_TEXT} NOT NULL,"
        f" district {_TEXT} NULL, state {_TEXT} NULL, products BIGINT NOT NULL,"
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
        mysql=f"id BIGINT NOT NULL PRIMARY KEY, district_key {_TEXT} NOT NULL, words {_TEXT} NOT NULL,"
        f" name {_TEXT} NOT NULL, district {_TEXT} NULL, state {_TEXT} NULL, products BIGINT NOT NULL,"
        " INDEX listed_farms_by_words (words, id), INDEX listed_farms_of_district (district_key, words, id)",
        sqlite="id INTEGER NOT NULL PRIMARY KEY, district_key TEXT NOT NULL, words TEXT NOT NULL, name TEXT NOT NULL,"
        " district TEXT NULL, state TEXT NULL, products INTEGER NOT NULL",
    ),
    _index("listed_farms", "listed_farms_by_words", "words, id"),
    _index("listed_farms", "listed_farms_of_district", "district_key, words, id"),
)

VERSION_5 = Migration(version=5, usable_from=5, expand=(*_UNITS, *_DIRECTORY))
