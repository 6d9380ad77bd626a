"""What the hot path answers in one turn of the event loop goes out together, in order, whatever happens meanwhile."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from farmlokal.web.hot.look_up import LookUpConnection
from farmlokal.web.hot.outbox import Outbox
from tests.support.kept_connection import kept_connection
from tests.support.products import catalogue
from tests.support.service import Service, serving, settings_for
from tests.support.waiting import until
from tests.web.hot_service import asking, connections_of, hot_path_of, no_loose_ends, server_of

PAGE = "/products?limit=7"


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with one page in memory."""
    async with serving(settings_for(await catalogue(tmp_path))) as running:
        async with kept_connection(running.port) as connection:
            await connection.ask(PAGE)
        yield running


async def transport_to(ours: socket.socket) -> asyncio.WriteTransport:
    """A transport over one end of a pair of sockets."""
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    return transport


async def test_written_in_order_in_the_next_turn() -> None:
    """Nothing before, everything then, and again in the turns that follow."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    with theirs:
        transport = await transport_to(ours)
        outbox = Outbox(asyncio.get_running_loop())
        for answers in ([b"one ", b"two "], [b"three "]):
            for answer in answers:
                outbox.put(transport, answer)
            with pytest.raises(BlockingIOError):
                theirs.recv(100)
            await asyncio.sleep(0)
            assert b"".join(answers) == theirs.recv(100)
        assert "<Outbox answers=0>" == repr(outbox)
        transport.close()


async def test_a_head_and_its_body_stay_together_between_other_answers() -> None:
    """What is put in two parts goes out as one answer, in its place."""
    ours, theirs = socket.socketpair()
    with theirs:
        transport = await transport_to(ours)
        outbox = Outbox(asyncio.get_running_loop())
        for answer in (b"one ", (b"head ", b"body "), b"two"):
            outbox.put(transport, answer)
        await asyncio.sleep(0)
        assert b"one head body two" == theirs.recv(100)
        transport.close()


@pytest.mark.parametrize("gone", [0, 1, 2])
async def test_one_that_is_closed_takes_nobodys_answer(gone: int) -> None:
    """Of three connections one ends before the turn does: the other two get theirs."""
    pairs = [socket.socketpair() for _ in range(3)]
    transports = [await transport_to(ours) for ours, _ in pairs]
    outbox = Outbox(asyncio.get_running_loop())
    with no_loose_ends():
        for number, transport in enumerate(transports):
            outbox.put(transport, f"answer {number}".encode())
        transports[gone].abort()
        await asyncio.sleep(0)
        for number, (_, theirs) in enumerate(pairs):
            assert (b"" if number == gone else f"answer {number}".encode()) == theirs.recv(100)
            theirs.close()
        for transport in transports:
            transport.abort()
        await asyncio.sleep(0)


@pytest.mark.parametrize("end", ["close", "force_close"])
async def test_an_answer_is_sent_before_its_connection_ends(
    service: Service, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """Told to end in the turn in which it answered, a connection ends after that answer."""
    send = LookUpConnection.send

    def send_and_end(handler: LookUpConnection, answer: bytes) -> None:
        send(handler, answer)
        assert "<Outbox answers=1>" == repr(hot_path_of(service).outbox)
        getattr(handler, end)()

    async with kept_connection(service.port) as connection:
        monkeypatch.setattr(LookUpConnection, "send", send_and_end)
        assert 200 == (await connection.ask(PAGE)).status
        if end == "force_close":
            assert await connection.ended()
    await until(lambda: not server_of(service).connections)


async def test_a_handlers_answer_does_not_overtake(service: Service) -> None:
    """A page and what the handlers answer, read in one turn on each of many connections: first the page."""
    async with AsyncExitStack() as opened:
        connections = [await opened.enter_async_context(kept_connection(service.port)) for _ in range(20)]
        for handler in server_of(service).connections:
            handler.data_received(asking(PAGE))
            handler.data_received(asking("/livez"))
        for one in connections:
            page, health = await one.receive(), await one.receive()
            assert 7 == page.json()["page"]["limit"]
            assert "status" in health.json()


async def test_answers_from_memory_go_before_a_head_is_parsed(service: Service) -> None:
    """What is read in one turn behind them, and has to be parsed and looked up, keeps no answer waiting."""
    async with kept_connection(service.port) as one, kept_connection(service.port) as other:
        await until(lambda: [handler.waiter is None for handler in connections_of(service)] == [False, False])
        first, second = connections_of(service)
        first.data_received(asking(PAGE))
        assert "<Outbox answers=1>" == repr(hot_path_of(service).outbox)
        second.data_received(asking("/products?limit=8"))
        assert "<Outbox answers=0>" == repr(hot_path_of(service).outbox)
        limits = {(await each.receive()).json()["page"]["limit"] for each in (one, other)}
        assert {7, 8} == limits
