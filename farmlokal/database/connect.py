"""From an address to a database."""

from farmlokal.database.address import Address, MySQLAddress
from farmlokal.database.interface import Database
from farmlokal.database.mysql import MySQLDatabase
from farmlokal.database.sqlite import SQLiteDatabase


def database_at(address: Address, *, pool_size: int, statement_limit_ms: int) -> Database:
    """Returns the backend for `address`. The first statement connects.

    pool_size: connections at most, of MySQL. statement_limit_ms: the longest that a SELECT by `fetch` may run.
    """
    if isinstance(address, MySQLAddress):
        return MySQLDatabase(address, pool_size=pool_size, statement_limit_ms=statement_limit_ms)
    return SQLiteDatabase(address, statement_limit_ms=statement_limit_ms)
