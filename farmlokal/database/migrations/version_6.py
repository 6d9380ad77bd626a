"""Version 6: what follows from stock and from rating stands in ordinary columns, which MariaDB's prepared pages need.

Both kinds take the same INSERTs, which leave them out, and UPDATEs, which set them to DEFAULT; the release before does
not do that, so that they change in the contract step. No server changes them without a copy of the table.
"""

from farmlokal.database.migrations.migration import Change, Migration
from farmlokal.database.shape import Shape

_RATING_KEY = "COALESCE(CAST(rating * 100 AS SIGNED) + 1, 0)"


def _is_made(shape: Shape) -> bool:
    # A table that is missing is made as a whole afterwards.
    return "products" not in shape or "generated" not in shape["products"].columns["in_stock"]


VERSION_6 = Migration(
    version=6,
    usable_from=6,
    expand=(),
    contract=(
        Change(
            name="products.in_stock, rating_key",
            mysql="ALTER TABLE products MODIFY in_stock TINYINT NOT NULL DEFAULT (stock > 0),"
            f" MODIFY rating_key SMALLINT NOT NULL DEFAULT ({_RATING_KEY}), ADD CONSTRAINT products_follow"
            f" CHECK (in_stock = (stock > 0) AND rating_key = {_RATING_KEY}), ALGORITHM = COPY, LOCK = SHARED",
            # There they are generated, and stay so.
            sqlite="SELECT 1",
            in_place=_is_made,
            changes=(("products", "in_stock"), ("products", "rating_key")),
        ),
    ),
)
