"""Version 3: where products are, as whole numbers; the names that they have; and indexes that hold both.

The indexes have other names than before, since the release before forces its own by theirs until it is gone. They are
made when their columns are filled: filling a column that thirteen indexes hold takes ten times as long.
"""

from farmlokal.database.migrations.migration import Change, Migration, Sweep
from farmlokal.database.shape import Shape

_COLUMNS = {"cell": "BIGINT", "x": "INT", "yz": "BIGINT", "name_id": "INT", "derived_version": "BIGINT"}
_PASSED = "district_key, state_key, farm_id, in_stock, organic"
_INDEXES = {
    "listing_by_created_at": f"live, created_at, id, category, price, {_PASSED}, x, yz, name_id",
    "listing_by_price": f"live, price, id, category, created_at, {_PASSED}, rating_key, name_key, x, yz, name_id",
    "listing_by_name": f"live, name_key, id, category, price, {_PASSED}, x, yz, name_id",
    "listing_by_rating": f"live, rating_key, id, category, price, {_PASSED}, x, yz, name_id",
    "listing_of_category_by_created_at": f"live, category, created_at, id, price, {_PASSED}, x, yz, name_id",
    "listing_of_category_by_price": (
        f"live, category, price, id, created_at, {_PASSED}, rating_key, name_key, x, yz, name_id"
    ),
    "listing_of_category_by_name": f"live, category, name_key, id, price, {_PASSED}, x, yz, name_id",
    "listing_of_district": (
        "live, district_key, created_at, id, category, price, state_key, farm_id, in_stock, organic, rating_key,"
        " name_key, x, yz, name_id"
    ),
    "listing_of_state": (
        "live, state_key, created_at, id, category, price, district_key, farm_id, in_stock, organic, rating_key,"
        " name_key, x, yz, name_id"
    ),
    "listing_of_farm_by_price": (
        "live, farm_id, price, id, category, created_at, district_key, state_key, in_stock, organic, rating_key,"
        " name_key, x, yz, name_id"
    ),
    "listing_of_farm_by_name": (
        "live, farm_id, name_key, id, category, price, district_key, state_key, in_stock, organic, x, yz, name_id"
    ),
    "listing_of_name": (f"live, name_id, created_at, id, category, price, {_PASSED}, rating_key, name_key, x, yz"),
    "listing_by_place": f"live, cell, id, x, yz, category, price, created_at, {_PASSED}, rating_key, name_id",
}
_OF_VERSION_2 = (
    "products_by_created_at",
    "products_by_price",
    "products_by_name",
    "products_by_rating",
    "products_of_category_by_created_at",
    "products_of_category_by_price",
    "products_of_category_by_name",
    "products_of_district",
    "products_of_state",
    "products_of_farm_by_price",
    "products_of_farm_by_name",
)


# A table that is missing is made as a whole afterwards.
def _has_column(shape: Shape, name: str) -> bool:
    return "products" not in shape or name in shape["products"].columns


def _has_index(shape: Shape, name: str) -> bool:
    return "products" not in shape or name in shape["products"].indexes


def _add_column(name: str, kind: str) -> Change:
    return Change(
        name=f"products.{name}",
        mysql=f"ALTER TABLE products ADD COLUMN {name} {kind} NULL, ALGORITHM = INSTANT",
        sqlite=f"ALTER TABLE products ADD COLUMN {name} INTEGER NULL",
        in_place=lambda shape: _has_column(shape, name),
    )


def _add_index(name: str, columns: str) -> Change:
    return Change(
        name=name,
        mysql=f"ALTER TABLE products ADD INDEX {name} ({columns}), ALGORITHM = INPLACE, LOCK = NONE",
        sqlite=f"CREATE INDEX {name} ON products ({columns})",
        in_place=lambda shape: _has_index(shape, name),
    )


def _drop_index(name: str) -> Change:
    return Change(
        name=f"without {name}",
        mysql=f"ALTER TABLE products DROP INDEX {name}, ALGORITHM = INPLACE, LOCK = NONE",
        sqlite=f"DROP INDEX {name}",
        in_place=lambda shape: name not in shape["products"].indexes,
    )


_NAMES = Change(
    name="names",
    mysql="CREATE TABLE names (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,"
    " name_key VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,"
    " category VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,"
    " name VARCHAR(200) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, products BIGINT NOT NULL DEFAULT 0,"
    " CONSTRAINT names_identity UNIQUE (name_key, category)) ENGINE = InnoDB",
    sqlite="CREATE TABLE names (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name_key TEXT NOT NULL,"
    " category TEXT NOT NULL, name TEXT NOT NULL, products INTEGER NOT NULL DEFAULT 0,"
    " CONSTRAINT names_identity UNIQUE (name_key, category)) STRICT",
    in_place=lambda shape: "names" in shape,
)

VERSION_3 = Migration(
    version=3,
    usable_from=3,
    expand=(
        _NAMES,
        *(_add_column(name, kind) for name, kind in _COLUMNS.items()),
        Sweep(name="products.derived", table="products"),
        *(_add_index(name, columns) for name, columns in _INDEXES.items()),
    ),
    contract=tuple(_drop_index(name) for name in _OF_VERSION_2),
)
