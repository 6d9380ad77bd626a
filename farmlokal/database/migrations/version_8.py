"""Version 8: a product's category is one byte in each of thirteen indexes, where it was a word.

It is compared and answered as the same word, so that the release before goes on after the contract step as well.
"""

from farmlokal.database.migrations.migration import Change, Migration
from farmlokal.database.shape import Shape

_CATEGORIES = (
    "'vegetables', 'fruits', 'grains', 'pulses', 'spices', 'oilseeds', 'nuts', 'flowers', 'fibres', 'livestock',"
    " 'meat', 'fish', 'milk', 'dairy', 'eggs', 'honey', 'oils', 'pickles', 'bakery', 'other'"
)


def _is_made(shape: Shape) -> bool:
    # A table that is missing is made as a whole afterwards.
    return "products" not in shape or shape["products"].columns["category"].startswith("enum")


VERSION_8 = Migration(
    version=8,
    usable_from=6,
    expand=(),
    contract=(
        Change(
            name="products.category",
            mysql=f"ALTER TABLE products MODIFY category ENUM({_CATEGORIES}) CHARACTER SET ascii COLLATE ascii_bin"
            " NOT NULL, ALGORITHM = COPY, LOCK = SHARED",
            # There a word's length is all that it takes.
            sqlite="SELECT 1",
            in_place=_is_made,
            changes=(("products", "category"),),
        ),
    ),
)
