"""The rows of `products`: the statements that write them, and what a product's columns hold."""

from farmlokal.catalog.normalise import name_key, place_key
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.derived import DERIVED_COLUMNS, OF_PLACES, Values
from farmlokal.catalog.writing.farms import FarmKey, farm_key
from farmlokal.catalog.writing.versions import Stored
from farmlokal.database.dialect import Dialect

COLUMNS = (
    *("source", "external_id", "version", "digest", "live", "name", "name_key", "category", "price", "unit", "farm_id"),
    *("farm_name", "market", "district", "district_key", "state", "state_key", "lat", "lon", "stock", "organic"),
    *("rating", "created_at", "updated_at", *DERIVED_COLUMNS, "derived_version"),
    *("image_url", "description", "brand"),
)
INSERT = f"INSERT INTO products ({', '.join(COLUMNS)}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"
# What follows from stock and from rating is made anew, see schema.sql.
REPLACE = (
    f"UPDATE products SET {', '.join(f'{name} = %s' for name in COLUMNS[2:])}{{in_stock}}{{rating_key}} WHERE id = %s"
)
_PLACED = (*OF_PLACES.made_from, *OF_PLACES.columns, "updated_at")
PLACE = f"UPDATE products SET {', '.join(f'{name} = %s' for name in _PLACED)} WHERE id = %s"
# In this order: MySQL assigns one after the other. Columns that were not derived from the row's version still are not.
CONFIRM = (
    "UPDATE products SET derived_version = CASE WHEN derived_version = version THEN %s ELSE derived_version END,"
    " version = %s WHERE id = %s"
)
BURY = (
    "UPDATE products SET version = %s, digest = %s, live = 0, stock = %s, created_at = %s, updated_at = %s{in_stock}"
    " WHERE id = %s"
)


def product_row(
    dialect: Dialect,
    row: Stored,
    record: ProductRecord,
    farms: dict[FarmKey, int],
    written_at: str,
    derived: Values,
) -> list[object]:
    """What the columns of INSERT hold, in their order, for a product that is to be as `row` and `record` say.

    farms: ids by `farm_key`. written_at: as a time column holds it. derived: as `derived_values` gives it.
    """
    return [
        record.source,
        record.external_id,
        row.version,
        row.digest,
        int(row.live),
        record.name,
        name_key(record.name),
        record.category,
        dialect.price_in(record.price_paise),
        record.unit,
        farms[farm_key(record)] if record.farm else None,
        record.farm,
        record.market,
        record.district,
        place_key(record.district) if record.district else None,
        record.state,
        place_key(record.state) if record.state else None,
        record.lat,
        record.lon,
        row.stock,
        int(record.organic),
        record.rating,
        dialect.time_in(row.created_at),
        written_at,
        *derived,
        row.version,
        record.image_url,
        record.description,
        record.brand,
    ]
