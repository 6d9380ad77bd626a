"""A primary and its replica: listings are loaded from the replica, and what it lacks is never called fresh."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator

import pytest

from farmlokal.database import mysql_reader
from farmlokal.database.mysql_reader import MySQLReader
from farmlokal.web import keys
from tests.engines.replicated_services import (
    believe_readers,
    database_of,
    fill_catalogue,
    is_fresh,
    new_page,
    reads_of,
    stock_in,
    two_services,
    until_readers_serve,
    write,
)
from tests.servers.database_pairs import DatabasePair, MariaDBPair, MySQLPair
from tests.support.log_lines import logged
from tests.support.raw_requests import ask
from tests.support.readiness import reported
from tests.support.service import Service
from tests.support.tcp_proxy import TCPProxy, tcp_proxy
from tests.support.waiting import eventually, until


@pytest.fixture(scope="module", params=["mariadb", pytest.param("mysql", marks=pytest.mark.proof)])
def pair(request: pytest.FixtureRequest) -> Iterator[DatabasePair]:
    """The two servers, with a catalogue."""
    if request.param == "mysql" and "FARMLOKAL_TEST_MYSQL_ROOT" not in os.environ:
        pytest.skip("FARMLOKAL_TEST_MYSQL_ROOT names no folder with an installed MySQL 9")
    with MariaDBPair() if request.param == "mariadb" else MySQLPair() as pair:
        asyncio.run(fill_catalogue(pair.primary))
        yield pair


@pytest.fixture
async def proxy(pair: DatabasePair) -> AsyncIterator[TCPProxy]:
    """What is between the services and the writer."""
    async with tcp_proxy(pair.primary.port) as proxy:
        yield proxy


@pytest.fixture
async def replica_proxy(pair: DatabasePair) -> AsyncIterator[TCPProxy]:
    """What is between the services and the replica."""
    async with tcp_proxy(pair.replica.port) as proxy:
        yield proxy


@pytest.fixture
async def services(
    pair: DatabasePair, proxy: TCPProxy, replica_proxy: TCPProxy, redis_url: str
) -> AsyncIterator[tuple[Service, Service]]:
    """Two services that load from the replica by now."""
    writer_url = pair.primary.url("farm").replace(f":{pair.primary.port}/", f":{proxy.port}/")
    reader_url = pair.replica.url("farm").replace(f":{pair.replica.port}/", f":{replica_proxy.port}/")
    async with two_services(writer_url, [reader_url], redis_url) as both:
        await write(both[0], both[1])
        pair.let_go()
        await until_readers_serve(*both)
        yield both


@pytest.mark.parametrize("checked", [False, True])
async def test_what_a_replica_lacks_is_not_called_fresh(
    pair: DatabasePair, services: tuple[Service, Service], monkeypatch: pytest.MonkeyPatch, checked: bool
) -> None:
    """Without the look the old page is loaded from a replica that is held back, and called fresh; with it never."""
    writing, other = services
    if not checked:
        believe_readers(monkeypatch)
    old = stock_in(await ask(other.port, new_page()))
    pair.hold_back()
    new = await write(writing, other)
    own, elsewhere = await ask(writing.port, page := new_page()), await ask(other.port, new_page())
    assert (new if checked else old) == stock_in(elsewhere)
    assert is_fresh(elsewhere)
    if checked:
        assert new == stock_in(own)
        assert new == stock_in(await ask(other.port, page))
        assert reads_of(other)["writer-behind"] > 0
        pair.let_go()
        before = reads_of(other)["reader"]
        answer = await ask(other.port, new_page())
        assert (new, True) == (stock_in(answer), is_fresh(answer))
        assert before + 1 == reads_of(other)["reader"]
    pair.let_go()


async def test_a_commit_without_a_position_is_read_at_the_writer(
    pair: DatabasePair, services: tuple[Service, Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer did not say how far it came: loads go there, and the next position makes up for it."""
    writing, other = services
    pair.hold_back()
    with monkeypatch.context() as forgetful:
        forgetful.setattr("farmlokal.database.mysql.position_of", _no_position)
        new = await write(writing, other)
    answer = await ask(other.port, new_page())
    assert (new, True) == (stock_in(answer), is_fresh(answer))
    assert reads_of(other)["writer-unknown"] > 0
    while not reads_of(other)["writer-behind"]:  # what was learned behind that load
        answer = await ask(other.port, new_page())
        assert (new, True) == (stock_in(answer), is_fresh(answer))
    pair.let_go()


async def _no_position(_: object) -> None:
    return None


async def test_a_sync_is_claimed_and_read_at_the_writer(pair: DatabasePair, services: tuple[Service, Service]) -> None:
    """What is not a load has to see what was written just now: it never comes from a replica."""
    service, _ = services
    pair.hold_back()
    before = reads_of(service)
    run = await service.app[keys.SYNC].runs.claim("holder", full=False)
    assert "holder" == run.holder
    assert run == await service.app[keys.SYNC].runs.get(run.run)
    assert before == reads_of(service)
    pair.let_go()


@pytest.mark.proof
@pytest.mark.parametrize("how", ["hangs", "refuses", "is broken"])
async def test_a_replica_that_is_away_fails_no_listing(
    pair: DatabasePair, services: tuple[Service, Service], replica_proxy: TCPProxy, how: str
) -> None:
    """One load meets it, and is made at the writer; the others do not ask it until it answers again."""
    service, _ = services
    (reader,) = database_of(service).readers
    with logged() as events:
        if how == "hangs":
            pair.replica.pause()
        elif how == "refuses":
            replica_proxy.refuse()
        else:
            pair.break_replica()
        assert is_fresh(await ask(service.port, new_page()))
        assert not reader.up
        before = reads_of(service)
        assert is_fresh(await ask(service.port, new_page()))
        assert before["writer-away"] + 1 == reads_of(service)["writer-away"]
        if how == "hangs":
            pair.replica.resume()
        elif how == "refuses":
            replica_proxy.pass_on()
        else:
            pair.mend_replica()
        await until(lambda: reader.up)
        assert is_fresh(await ask(service.port, new_page()))
        assert before["reader"] + 1 == reads_of(service)["reader"]
    lines = [event["event"] for event in events if "reader" in event.get("dependency", "")]
    assert "a reader of the database is away: listings are loaded elsewhere" == lines[0]


async def test_a_replica_answers_while_the_writer_is_away(
    pair: DatabasePair, services: tuple[Service, Service], proxy: TCPProxy
) -> None:
    """Fresh where it has all that it has to have; else old, not called fresh, kept by nobody, and loaded again."""
    writing, other = services
    old = stock_in(await ask(writing.port, new_page()))
    proxy.refuse()
    answer = await ask(other.port, new_page())
    assert (old, True) == (stock_in(answer), is_fresh(answer))
    proxy.pass_on()
    pair.hold_back()
    new = await write(writing, other)
    proxy.refuse()
    page = new_page()
    answer = await ask(other.port, page)
    assert (old, False) == (stock_in(answer), is_fresh(answer))
    assert 1 == reads_of(other)["reader-old"]
    answer = await ask(writing.port, page)  # whom the other told nothing
    assert (old, False) == (stock_in(answer), is_fresh(answer))
    proxy.pass_on()
    answer = await eventually(lambda: ask(other.port, page), is_fresh)
    assert new == stock_in(answer)
    pair.let_go()


@pytest.mark.parametrize("asked", [False, True])
async def test_a_replica_that_was_away_is_asked_at_once_where_nobody_else_answers(
    services: tuple[Service, Service],
    proxy: TCPProxy,
    replica_proxy: TCPProxy,
    monkeypatch: pytest.MonkeyPatch,
    asked: bool,
) -> None:
    """It came back unseen, and the writer went away: without the question a listing fails that it can answer."""
    service, _ = services
    (reader,) = database_of(service).readers
    monkeypatch.setattr(mysql_reader, "_ASK_AGAIN_S", mysql_reader._ASK_AGAIN_MAX_S)
    if not asked:
        monkeypatch.setattr(MySQLReader, "ask_now", lambda _: None)
    replica_proxy.refuse()
    assert is_fresh(await ask(service.port, new_page()))
    replica_proxy.pass_on()
    proxy.refuse()
    assert not reader.up
    answer = await ask(service.port, new_page())
    assert (200 if asked else 503, asked) == (answer.status, reader.up)
    assert int(asked) == reads_of(service)["reader-old"]


async def test_one_load_waits_for_a_writer_that_hangs(
    services: tuple[Service, Service], proxy: TCPProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not known what a load has to have seen, and the writer is silent: the others read at the replica."""
    writing, other = services
    monkeypatch.setattr("farmlokal.database.mysql.position_of", _no_position)
    await write(writing, other)
    proxy.swallow()
    first = asyncio.create_task(ask(other.port, new_page()))
    await until(lambda: database_of(other).hangs)
    second = await ask(other.port, new_page())
    assert not first.done()
    assert (200, False) == (second.status, is_fresh(second))
    assert 1 == reads_of(other)["reader-old"]
    assert 200 == (await first).status


@pytest.mark.proof
async def test_another_catalogue_is_not_read(pair: DatabasePair, redis_url: str) -> None:
    """A reader whose database is another catalogue's is named in the log, and no page comes from there."""
    pair.primary.create_database("other")
    other_url = await fill_catalogue(pair.primary, "other")
    try:
        pair.let_go()
        readers = [pair.replica.url("farm").replace("/farm", "/other")]
        with logged() as events:
            async with two_services(pair.primary.url("farm"), readers, redis_url) as (service, _):
                await write(service)
                pair.let_go()
                for _ in range(3):
                    assert is_fresh(await ask(service.port, new_page()))
                assert 0 == reads_of(service)["reader"]
                report = await reported(service.port, "reader-1", reason="it holds another catalogue")
        assert ("down", "it holds another catalogue") == (report["state"], report["reason"])
        (line,) = [event for event in events if "reader" in event.get("dependency", "")][:1]
        assert "its identity is not the writer's" == line["reason"]
    finally:
        pair.primary.drop_database(other_url.rpartition("/")[2])


@pytest.mark.proof
async def test_readiness_names_readers(pair: DatabasePair, services: tuple[Service, Service]) -> None:
    """Up, degraded where loads found it behind, down where it does not answer; the process stays ready."""
    writing, other = services
    await reported(other.port, "reader-1", state="up")
    pair.hold_back()
    await write(writing, other)
    assert is_fresh(await ask(other.port, new_page()))
    found = await reported(other.port, "reader-1", reason="it lacks commits")
    assert ("degraded", "it lacks commits that loads have to have seen") == (found["state"], found["reason"])
    pair.let_go()
    pair.replica.pause()
    try:
        await reported(other.port, "reader-1", state="down")
    finally:
        pair.replica.resume()
