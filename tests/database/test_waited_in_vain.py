"""A SELECT of its own that the server gives up with 1205, as a Galera node does that waits for the others' commits."""

import pytest

from farmlokal.errors import StatementTimeout
from tests.database.plots import plots_on
from tests.support.backends import connect_to

_AT_ONCE = "SELECT plants FROM plots WHERE id = 1 FOR UPDATE NOWAIT"


async def test_what_waits_in_vain_is_a_timeout(mysql_url: str) -> None:
    """Callers are told that it took too long. A lock that is not waited for stands for the group."""
    async with plots_on(mysql_url) as database:
        with connect_to(mysql_url) as other, other.cursor() as cursor:
            cursor.execute("SELECT plants FROM plots WHERE id = 1 FOR UPDATE")
            with pytest.raises(StatementTimeout, match="waited too long"):
                await database.fetch_unlimited(_AT_ONCE)
            # A closed connection's lock goes a while after the close; that of a transaction rolled back is gone.
            other.rollback()
        assert [(0,)] == await database.fetch_unlimited(_AT_ONCE)
