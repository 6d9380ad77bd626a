"""How many statements the transaction of one page of the feed takes."""

from typing import Any

from farmlokal.app.syncing import CatalogueSink
from farmlokal.database.interface import Session
from farmlokal.partner.sync.run import PageResult
from tests.database.statement_counts import CountingDatabase
from tests.partner.feed_server import row, rows
from tests.partner.syncing import SOURCE, Tags, waker
from tests.support.backends import on_every_backend
from tests.support.service import open_database

ROWS = 500  # a page
NOTE = "INSERT change_outbox"


async def _nowhere(session: Session, result: PageResult) -> None:
    """The place of the run, whose statement is not the catalogue's."""


@on_every_backend
async def test_a_page_is_read_once_and_written_once(backend_url: str) -> None:
    """A page of new rows takes three statements, a known page one, and a name that is new four of its own.

    On a server, a page after one of new rows alone takes one less: it is not looked up, unless that turns out to be
    wrong. After a page of unchanged rows it is looked which differ; those are then looked up with a lock.
    """
    async with open_database(backend_url) as database:
        counting = CountingDatabase(database)
        tags = Tags()
        sink = CatalogueSink(counting, SOURCE, tags, waker(database, tags))

        async def statements(page: list[dict[str, Any]]) -> list[str]:
            counting.asked.clear()
            counting.executed = 0
            tags.seen.clear()
            await sink.apply(await sink.prepare(await sink.read(page)), sighting=None, place=_nowhere)
            return list(counting.asked)

        await statements([row("a"), row("b")])  # a connection to MySQL asks once by how much ids go up
        look, wrong = (["SELECT products"], []) if database.dialect.name == "sqlite" else ([], ["INSERT products"])
        assert [*look, "INSERT products", NOTE] == await statements(rows(ROWS))
        assert 2 + len(look) == counting.executed
        stored = await database.fetch_unlimited("SELECT id FROM products WHERE external_id NOT IN ('a', 'b')")
        assert {"products", "category/vegetables", *(f"product/{number}" for (number,) in stored)} == tags.seen
        assert [*wrong, "SELECT products"] == await statements(rows(ROWS))
        assert (1, set()) == (counting.executed, tags.seen)
        moved = [row("1", 2, category="fruits"), *rows(ROWS)[1:]]
        born = ["SELECT names", "INSERT names", "SELECT names", "INSERT name_units"]
        looks = ["SELECT products"] * 2
        assert [*looks, *born, "UPDATE products", NOTE] == await statements(moved)
        assert 8 == counting.executed
        assert ["SELECT products"] == await statements(moved)
