"""A catalogue of a million products, in the time that a proof has."""

from farmlokal.catalog.seed.processes import fill_with_processes
from farmlokal.catalog.writing.bulk_load import processes_for, refresh_statistics
from farmlokal.database.address import MySQLAddress
from farmlokal.database.interface import Database
from farmlokal.database.schema import schema_text, statements
from farmlokal.database.shape import needed_shape


async def fill_big_catalogue(database: Database, address: MySQLAddress, products: int) -> None:
    """Bring seed products 1 to `products` into `database`, an empty one of the newest schema at `address`.

    The listing's indexes are made when the rows are there: each is then sorted and written once, where a million rows
    one after the other change pages all over thirteen indexes, far more than a small server has in memory.
    """
    indexes = needed_shape(statements(schema_text("mysql")))["products"].indexes
    listing = {name: ", ".join(index.columns) for name, index in indexes.items() if name.startswith("listing_")}
    await database.run_script([f"ALTER TABLE products {', '.join(f'DROP INDEX {name}' for name in listing)}"])
    await fill_with_processes(address, products, lambda _: None, processes=processes_for(products))
    made = [f"ADD INDEX {name} ({columns})" for name, columns in listing.items()]
    await database.run_script([f"ALTER TABLE products {', '.join(made)}"])
    await refresh_statistics(database)
