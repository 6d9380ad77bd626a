"""A catalogue of a million products, in the time that a proof has."""

from farmlokal.catalog.writing.bulk_load import seed_catalogue
from farmlokal.database import late_indexes
from farmlokal.database.address import MySQLAddress
from farmlokal.database.interface import Database
from farmlokal.database.schema import our_shape


async def fill_big_catalogue(
    database: Database, address: MySQLAddress, products: int, *, processes: int | None = None
) -> None:
    """Bring seed products 1 to `products` into `database`, an empty one of the newest schema at `address`.

    The listing's indexes are made when the rows are there, whoever else uses the database: a small server has not the
    memory for any other way.

    processes: how many write; of several, the ids say who came first.
    """
    await late_indexes.take_away(database, late_indexes.listing_indexes(our_shape(database.dialect.name)))
    await seed_catalogue(database, address, products, lambda _: None, processes=processes)
