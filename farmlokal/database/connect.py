"""From an address to a database."""

from farmlokal.database.address import Address, MySQLAddress
from farmlokal.database.interface import Database


def database_at(address: Address, *, pool_size: int, statement_limit_ms: int) -> Database:
    """Returns the backend for `address`. The first statement connects.

    pool_size: connections at most, of MySQL. statement_limit_ms: the longest that a SELECT by `fetch` may run.
    """
    # Each imported where it is used alone: the other's driver would only make the start longer.
    if isinstance(address, MySQLAddress):
        from farmlokal.database.mysql import MySQLDatabase

        return MySQLDatabase(address, pool_size=pool_size, statement_limit_ms=statement_limit_ms)
    from farmlokal.database.sqlite import SQLiteDatabase

    return SQLiteDatabase(address, statement_limit_ms=statement_limit_ms)
