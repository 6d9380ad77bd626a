"""The shape of a schema, read while others change it."""

from contextlib import closing

from farmlokal.database.interface import Row
from farmlokal.database.shape import Index, found_shape
from tests.support.backends import connect_to, database_on, on_every_server


@on_every_server
async def test_a_table_made_while_the_shape_is_read_is_read_whole(backend_url: str) -> None:
    """Its columns and its indexes are both there, although the server was asked for the columns before it was made."""
    asked = 0

    async with database_on(backend_url) as database:

        async def fetch(sql: str) -> list[Row]:
            nonlocal asked
            asked += 1
            if asked == 2:
                make_table(backend_url)
            return await database.fetch_unlimited(sql)

        shape = await found_shape(database.dialect.name, fetch)
    assert {"n": "int not null"} == shape["made_meanwhile"].columns
    assert {"PRIMARY": Index(unique=True, columns=("n",))} == shape["made_meanwhile"].indexes
    assert 4 == asked


def make_table(url: str) -> None:
    """Make a table, as another process would."""
    with closing(connect_to(url)) as other, other.cursor() as cursor:
        cursor.execute("CREATE TABLE made_meanwhile (n INT NOT NULL PRIMARY KEY)")
