"""The database dies and comes back in the middle of a sync."""

import asyncio
from threading import Event, Lock

from farmlokal.partner.sync.run import Run
from tests.partner.feed_server import pages_of, rows
from tests.partner.syncing import counts, syncing
from tests.support.own_servers import StartMariaDB

DIES_AFTER_PAGES = (2, 5)


async def test_killed_database_is_outlived(own_mariadb: StartMariaDB) -> None:
    """The run goes on with the page that was, or was not, committed when the server died: each row counts once."""
    server = own_mariadb()
    server.create_database("farm")
    deaths: list[asyncio.Task[None]] = []
    one_death, killed = Lock(), Event()
    killed.set()

    def kill_at(run: Run) -> None:
        # However late the thread begins, one more page may be committed before the server is dead, and not two.
        killed.wait()
        if run.pages in DIES_AFTER_PAGES:
            killed.clear()
            deaths.append(asyncio.create_task(asyncio.to_thread(die)))

    def die() -> None:
        with one_death:
            server.kill()
            killed.set()
            server.start()

    async with syncing(server.url("farm")) as sync:
        sync.server.pages = pages_of(rows(5000))
        run = await sync(full=True, patience_s=60, on_page=kill_at)
        await asyncio.gather(*deaths)
        assert len(DIES_AFTER_PAGES) == len(deaths)
        assert {"fetched": 5000, "created": 5000, "pages": 10} == counts(run)
        assert 5000 == len(await sync.live())
