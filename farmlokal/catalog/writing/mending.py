"""Making derived columns anew where the release before wrote a product without them.

`derived_version` is the version of the product that its derived columns were made from, so a row shows whether they are
its own. A version is as good as a digest there, and a quarter of its size: nothing that a source says of a product
changes without it (`versions.decide`).
"""

import orjson

from farmlokal.catalog.tags import touched
from farmlokal.catalog.writing.derived import DERIVED_COLUMNS, MADE_FROM, Deriving, derived_values
from farmlokal.database.dialect import Dialect
from farmlokal.database.interface import Statements
from farmlokal.database.migrations.migration import Batches

_FIND = (
    f"SELECT id, version, category, {', '.join(MADE_FROM)} FROM products"
    " WHERE id > %s AND id <= %s AND live = 1 AND (derived_version IS NULL OR derived_version <> version)"
)
# One statement for a whole batch, of the rows as JSON lists. A product that was written again meanwhile has another
# version by now, and is left alone.
_SENT = ("id", "version", *DERIVED_COLUMNS)
_MYSQL_SENT = ", ".join(f"{column} BIGINT PATH '$[{place}]'" for place, column in enumerate(_SENT))
_SQLITE_SENT = ", ".join(f"json_extract(value, '$[{place}]') AS {column}" for place, column in enumerate(_SENT))
_MEND = {
    "mysql": f"UPDATE JSON_TABLE(%s, '$[*]' COLUMNS ({_MYSQL_SENT})) AS made"
    " STRAIGHT_JOIN products ON products.id = made.id AND products.version = made.version"
    f" SET {''.join(f'products.{column} = made.{column}, ' for column in DERIVED_COLUMNS)}"
    "products.derived_version = made.version",
    "sqlite": f"UPDATE products SET {''.join(f'{column} = made.{column}, ' for column in DERIVED_COLUMNS)}"
    f"derived_version = made.version FROM (SELECT {_SQLITE_SENT} FROM json_each(%s)) AS made"
    " WHERE products.id = made.id AND products.version = made.version",
}


async def mend(statements: Statements, dialect: Dialect, after_id: int, last_id: int) -> set[str]:
    """Make the derived columns of the products with ids above one and up to another, where they are not their own.

    Returns the cache tags that it touched.
    """
    rows = await statements.fetch(_FIND, (after_id, last_id))
    if not rows:
        return set()
    deriving = Deriving(statements, dialect, set())
    derived = await derived_values(deriving, [row[3:] for row in rows])
    sent = [[*row[:2], *values] for row, values in zip(rows, derived, strict=True)]
    await statements.execute(_MEND[dialect.name], (orjson.dumps(sent).decode(),))
    return deriving.tags.union(*(touched(product_id, [category]) for product_id, _, category, *_ in rows))


BATCHES: Batches = {"products.derived": mend}
"""What the sweeps of the migrations do."""
