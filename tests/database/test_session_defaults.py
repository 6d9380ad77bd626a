"""A server whose defaults for a session are not what our statements rely on: they set it themselves."""

import asyncio

import pytest

from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.writing.bulk_load import seed_catalogue
from farmlokal.database.address import parse_address
from farmlokal.database.interface import Session
from farmlokal.database.mysql_opening import RANGES_WEIGHT_MAX
from farmlokal.webhooks.inbox import Inbox, State
from tests.catalog.walking import ids, listing_over, walk
from tests.support.own_servers import StartMariaDB
from tests.support.service import open_database

PRODUCTS = 300
HOSTILE = {
    "sql_select_limit": "1",
    "max_join_size": "2",
    "sql_big_selects": "0",
    "sql_mode": "'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH'",
    "sql_auto_is_null": "1",
    "sql_safe_updates": "1",
    "max_statement_time": "0.001",
    "time_zone": "'+05:30'",
    "autocommit": "0",
    "completion_type": "'RELEASE'",
    "max_sort_length": "64",
    "tx_isolation": "'SERIALIZABLE'",
    "tx_read_only": "1",
    "innodb_lock_wait_timeout": "1",
    "character_set_client": "latin1",
    "character_set_connection": "latin1",
    "character_set_results": "latin1",
    "collation_connection": "latin1_german2_ci",
    "lc_messages": "'de_DE'",
    "lc_time_names": "'de_DE'",
    "group_concat_max_len": "4",
    "div_precision_increment": "0",
}


@pytest.fixture
def hostile_url(own_mariadb: StartMariaDB) -> str:
    """The URL of an empty database on a server that each of these was set for, as an operator may."""
    server = own_mariadb("--skip-character-set-client-handshake", "--character-set-server=latin1")
    server.create_database("farm")
    for name, value in HOSTILE.items():
        server.execute(f"SET GLOBAL {name} = {value}")
    return server.url("farm")


async def test_seed_walk_and_counts_do_not_go_by_the_servers_defaults(hostile_url: str) -> None:
    """A catalogue is filled by several processes' worth of batches, walked whole, and counted whole."""
    async with open_database(hostile_url) as database:
        await seed_catalogue(database, parse_address(hostile_url), PRODUCTS, lambda done: None, processes=2)
        listing = listing_over(database)
        walked = ids(await walk(listing, ListingQuery()))
        assert (PRODUCTS, PRODUCTS) == (len(walked), len(set(walked)))
        assert PRODUCTS == sum((await ProductStore(database).category_counts()).values())
        assert 0 == await Inbox(database).count(State.DEAD, counted_max=10)


async def test_the_session_is_what_it_is_everywhere_else(hostile_url: str, mysql_url: str) -> None:
    """What a session shows of itself is the same on that server and on one with its own defaults."""
    shown = (
        "SELECT @@sql_select_limit, @@sql_big_selects, @@sql_mode, @@sql_auto_is_null, @@sql_safe_updates,"
        " @@max_statement_time, @@time_zone, @@autocommit, @@completion_type, @@tx_isolation, @@tx_read_only,"
        " @@innodb_lock_wait_timeout, @@character_set_client, @@character_set_connection, @@character_set_results,"
        " @@collation_connection, @@lc_messages, @@unique_checks, @@max_sort_length, @@wait_timeout"
    )

    async def session_of(url: str) -> object:
        async with open_database(url) as database:
            return await database.fetch_unlimited(shown)

    hostile, usual = await asyncio.gather(session_of(hostile_url), session_of(mysql_url))
    assert usual == hostile


@pytest.mark.parametrize(
    ("backend_url", "variable", "expected"),
    [
        ("mariadb", "optimizer_max_sel_arg_weight", RANGES_WEIGHT_MAX),
        pytest.param("mysql9", "range_optimizer_max_mem_size", 0, marks=pytest.mark.proof),
    ],
    indirect=["backend_url"],
)
async def test_no_list_is_too_long_for_ranges(backend_url: str, variable: str, expected: int) -> None:
    """A server that has more ranges to remember than it may reads a whole index instead."""
    async with open_database(backend_url) as database:
        assert [(expected,)] == await database.fetch(f"SELECT @@{variable}")


async def test_texts_keep_what_they_hold(hostile_url: str) -> None:
    """A text in another script than Latin comes back as it was written, quotes and backslashes included."""
    text = "टोमॅटो \\ ' \" €"
    async with open_database(hostile_url) as database:

        async def work(session: Session) -> object:
            await session.execute("CREATE TEMPORARY TABLE notes (text VARCHAR(50) CHARACTER SET utf8mb4)")
            await session.execute("INSERT INTO notes VALUES (%s)", (text,))
            return await session.fetch("SELECT text FROM notes WHERE text = %s", (text,))

        assert [(text,)] == await database.in_transaction(work)
