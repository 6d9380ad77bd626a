"""What reading the districts and states for the vocabulary of places costs: a seek for each, however many products."""

from typing import Any, cast

from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.catalog.search.aliases import load_aliases
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.database.interface import Database, Params, Row
from tests.support.backends import on_every_server
from tests.support.service import open_database

PRODUCTS = 60
# The entry that is found, and one that some servers look at to see that it is the only one wanted.
READS_MAX = 2


class CountingReads:
    """A database of one connection that counts what each of its statements reads of the districts and states.

    reads: of each such statement, in index entries and rows.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads: list[int] = []

    def __getattr__(self, name: str) -> Any:
        """Whatever is not counted."""
        return getattr(self._database, name)

    async def fetch_unlimited(self, sql: str, params: Params = ()) -> list[Row]:
        """See Database.fetch_unlimited."""
        if "district_key" not in sql and "state_key" not in sql:
            return await self._database.fetch_unlimited(sql, params)
        before = await self._so_far()
        rows = await self._database.fetch_unlimited(sql, params)
        self.reads.append(await self._so_far() - before)
        return rows

    async def _so_far(self) -> int:
        rows = await self._database.fetch_unlimited("SHOW SESSION STATUS LIKE 'Handler_read%%'")
        return sum(int(count) for _, count in rows)


class Unheard:
    """A cache that has heard of nothing."""

    def last_heard(self, tag: str) -> int:
        """See ReadThrough.last_heard."""
        return 0


@on_every_server
async def test_a_seek_for_each_district_and_state(backend_url: str) -> None:
    """No statement reads more than the one entry that it looks for, and there is one for each place and for the end."""
    async with open_database(backend_url, pool_size=1) as database:
        await ProductWriter(database).apply(list(generate(1, PRODUCTS)))
        ((districts, states),) = await database.fetch(
            "SELECT COUNT(DISTINCT district_key), COUNT(DISTINCT state_key) FROM products"
        )
        counting = CountingReads(database)
        names = SearchNames(cast("Database", counting), cast("Any", Unheard()), load_aliases(None))
        await names.start()
        assert districts + 1 + states + 1 == len(counting.reads)
        assert max(counting.reads) <= READS_MAX
