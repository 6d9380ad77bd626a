"""From an address to a database."""

from farmlokal.database.address import Address, MySQLAddress
from farmlokal.database.interface import Database
from farmlokal.database.mysql import MySQLDatabase
from farmlokal.database.sqlite import SQLiteDatabase


def database_at(address: Address, *, pool_size: int, statement_limit_ms: int) -> Database:
    """The backend for `address`. Nothing is connected yet: the first statement does."""
    if isinstance(address, MySQLAddress):
        return MySQLDatabase(address, pool_size=pool_size, statement_limit_ms=statement_limit_ms)
    return SQLiteDatabase(address, statement_limit_ms=statement_limit_ms)
