"""The catalogue's identity: a random name that tells its entries in a shared Redis from another catalogue's."""

import secrets

from farmlokal.database.interface import Database, Session
from farmlokal.errors import SchemaMismatch


async def read_identity(database: Database) -> str:
    """Returns the identity, 16 hexadecimal digits, which is made with the schema and stays.

    Raises SchemaMismatch where the catalogue has none. The schema is expected to be there: `check_schema` sees to it.
    """
    identity = await stored_identity(database)
    if identity is None:
        raise SchemaMismatch("the catalogue has no identity: run `farmlokal init-db`")
    return identity


async def stored_identity(database: Database) -> str | None:
    """Returns the identity; None where its row is missing."""
    rows = await database.fetch("SELECT identity FROM catalogue WHERE id = 1")
    return str(rows[0][0]) if rows else None


async def renew_identity(database: Database) -> str:
    """Give the catalogue another identity, as a restored copy needs beside its original. Returns the new one."""
    identity = secrets.token_hex(8)

    async def work(session: Session) -> None:
        await session.execute("DELETE FROM catalogue")
        await session.execute("INSERT INTO catalogue (id, identity) VALUES (1, %s)", (identity,))

    await database.in_transaction(work)
    return identity
