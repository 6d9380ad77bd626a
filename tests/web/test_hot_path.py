"""The hot path answers what the full path answers, byte for byte, whatever is sent and however it is cut."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given, settings

from farmlokal.web import keys
from farmlokal.web.edge import aiohttp_adapter
from farmlokal.web.edge.lifecycle import Phase
from farmlokal.web.hot.assumptions import unmet_assumption
from tests.support.kept_connection import ask_kept, kept_connection
from tests.support.log_lines import logged
from tests.support.products import catalogue
from tests.support.service import serving, settings_for
from tests.web.conversations import COMMON, TARGETS, conversations
from tests.web.two_paths import LAST, Paths, both, stream, two_paths

# Answers of 21 KB: some 30 MB, more than the buffers of two sockets take.
_UNREAD = 1500
_CLIENTS, _EACH = 50, 20
PLENTY = "default=1000000/minute"


@pytest.fixture
async def paths(tmp_path: Path) -> AsyncIterator[Paths]:
    """Both services, with a limit that nobody meets and a site that may read."""
    async with two_paths(tmp_path, rate_limit=PLENTY, cors_origins="https://shop.example") as running:
        yield running


@settings(max_examples=250, **COMMON)
@given(pieces=conversations())
async def test_both_paths_say_the_same(paths: Paths, pieces: list[bytes]) -> None:
    """Requests of every kind, pipelined or not, and cut at any byte."""
    hot, full = await both(paths, pieces)
    assert full == hot


@pytest.mark.proof
@pytest.mark.timeout(600)
@settings(max_examples=4000, **COMMON)
@given(pieces=conversations())
async def test_both_paths_say_the_same_thousands_of_times(paths: Paths, pieces: list[bytes]) -> None:
    """The same with some ten thousand requests."""
    hot, full = await both(paths, pieces)
    assert full == hot


async def test_a_head_may_be_cut_at_every_byte(paths: Paths) -> None:
    """Two requests for a page in memory, sent as one and cut once, at each place there is."""
    one = b"GET /products?limit=3 HTTP/1.1\r\nHost: test\r\nAccept-Encoding: gzip\r\n\r\n"
    sent = one + one + LAST
    await both(paths, [sent])
    expected = (await both(paths, [sent]))[1]
    for first in range(0, len(sent) - 1, 40):
        cuts = range(first + 1, min(first + 41, len(sent)))
        answers = await asyncio.gather(*(both(paths, [sent[:cut], sent[cut:]]) for cut in cuts))
        assert [(expected, expected)] * len(cuts) == answers


async def test_pages_in_memory_are_answered_below_the_handlers(paths: Paths) -> None:
    """The hot path is what answered: it counts so, and the handlers saw none of these requests."""
    counts = paths.hot.app[keys.REQUEST_COUNTS]
    async with kept_connection(paths.hot.port) as connection:
        await connection.ask("/products?limit=7")
        before = counts.hot_path_answers
        for _ in range(10):
            assert 200 == (await connection.ask("/products?limit=7")).status
        assert before + 10 == counts.hot_path_answers
    full = paths.full.app[keys.REQUEST_COUNTS]
    await ask_kept(paths.full.port, "/products?limit=7")
    assert 0 == full.hot_path_answers


async def test_both_paths_say_the_same_of_big_pages(paths: Paths) -> None:
    """A body that is not joined to its head comes whole behind it, between smaller answers and pipelined."""
    big, small = (f"GET /products?limit={limit} HTTP/1.1\r\nHost: test\r\n\r\n".encode() for limit in (100, 2))
    for pieces in ([big, small, big, big, small, LAST], [small + big + big + small + LAST]):
        hot, full = await both(paths, pieces)
        assert full == hot
        assert hot.count(b"HTTP/1.1 200") == pieces[0].count(b"GET") + sum(piece.count(b"GET") for piece in pieces[1:])
        assert len(hot) > 2 * 16_384


async def test_a_busy_connection_does_not_stay_with_the_handlers(tmp_path: Path) -> None:
    """Requests that come before aiohttp's task is back from the last answer are answered below the handlers too."""
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        await ask_kept(service.port, "/products")

        async def ask_again_and_again() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            for _ in range(_EACH):
                # A turn of the event loop that lasts: the next request is there before the task is.
                writer.write(b"GET /products HTTP/1.1\r\nHost: t\r\n\r\n")
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))  # type: ignore[index]
            writer.close()

        before = service.app[keys.REQUEST_COUNTS].hot_path_answers
        await asyncio.gather(*(ask_again_and_again() for _ in range(_CLIENTS)))
        assert before + _CLIENTS * _EACH == service.app[keys.REQUEST_COUNTS].hot_path_answers


@pytest.mark.usefixtures("directory_uncounted")
async def test_both_paths_count_the_same(tmp_path: Path) -> None:
    """After the same requests, the counters of requests are equal."""
    sent = [f"GET {target or '/'} HTTP/1.1\r\nHost: test\r\n\r\n".encode() for target in TARGETS[:30]]
    sent += [b"GET /products HTTP/1.1\r\nHost: test\r\nIf-None-Match: *\r\n\r\n"] * 3 + [LAST]
    async with two_paths(tmp_path) as paths:
        await both(paths, sent)
        counted = []
        for service in paths:
            text = (await ask_kept(service.port, "/metrics")).body.decode()
            lines = re.findall(
                r"^(farmlokal_http_requests_total\{.*|farmlokal_cache_lookups_total\{.*)$", text, re.MULTILINE
            )
            counted.append(sorted(line for line in lines if '"/metrics"' not in line and not line.endswith(" 0.0")))
    assert counted[0] == counted[1]
    assert any('status="304"' in line and line.endswith(" 3.0") for line in counted[0])


async def test_both_paths_write_the_same_access_log(tmp_path: Path) -> None:
    """A line for each answer, equal but for its time."""
    sent = [
        b"GET /products?limit=3 HTTP/1.1\r\nHost: t\r\nX-Request-ID: r1\r\n\r\n",
        b"GET /products?limit=3 HTTP/1.1\r\nHost: t\r\nX-Request-ID: r2\r\n\r\n",
        b"GET /products?limit=3 HTTP/1.1\r\nHost: t\r\nX-Request-ID: r3\r\nAccept-Encoding: gzip\r\n\r\n",
        b"GET /products?limit=3 HTTP/1.1\r\nHost: t\r\nX-Request-ID: r4\r\nIf-None-Match: *\r\n\r\n",
        b"GET /products?limit=3 HTTP/1.1\r\nHost: t\r\nX-Request-ID: r5\r\n"
        b"traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
        LAST,
    ]
    async with two_paths(tmp_path, access_log="on") as paths:
        lines = []
        for service in paths:
            with logged() as events:
                await stream(service.port, sent)
            answered = [event for event in events if event["event"] == "answered" and event["route"] == "/products"]
            lines.append([{name: event[name] for name in event if name != "duration_ms"} for event in answered])
    assert 5 == len(lines[0])
    assert lines[1] == lines[0]
    assert "4bf92f3577b34da6a3ce929d0e0e4736" == lines[0][-1]["trace_id"]


async def test_both_paths_refuse_what_the_rate_limit_refuses(tmp_path: Path) -> None:
    """One request passes, the next does not, and is counted once."""
    one = b"GET /products?limit=3 HTTP/1.1\r\nHost: test\r\n\r\n"
    async with two_paths(tmp_path, rate_limit="default=10/hour") as paths:
        hot, full = await both(paths, [one, one, one, LAST])
        refused = [service.app[keys.LIMITER].refusals for service in paths]
    assert full == hot
    assert (2, 2) == (hot.count(b"HTTP/1.1 200"), hot.count(b"HTTP/1.1 429"))
    assert refused[0] == refused[1]


async def test_both_paths_close_while_draining(tmp_path: Path) -> None:
    """Whatever is asked of a draining process, also on a connection that was open: the answer is the last on it."""
    one = b"GET /products?limit=3 HTTP/1.1\r\nHost: test\r\n\r\n"
    async with two_paths(tmp_path) as paths:
        for service in paths:
            async with kept_connection(service.port) as connection:
                await connection.exchange([one])
                service.app[keys.HEALTH].phase = Phase.DRAINING
                answer = await connection.exchange([one])
                assert (200, "close") == (answer.status, answer.headers["Connection"])
                assert await connection.ended()


async def test_both_paths_decline_an_upgrade(paths: Paths) -> None:
    """It is answered as if it had not been asked for; what is pipelined behind one, aiohttp 3.14 never answers."""
    upgrade = b"GET /products HTTP/1.1\r\nHost: test\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    hot, full = await both(paths, [upgrade, upgrade, LAST])
    assert full == hot
    assert 3 == hot.count(b"HTTP/1.1 200")


async def test_what_is_pipelined_behind_a_slow_page_waits_for_it(tmp_path: Path) -> None:
    """Answers keep the order of their requests, also where the first has to be loaded and the second is in memory."""
    url = await catalogue(tmp_path)
    async with serving(settings_for(url)) as service, kept_connection(service.port) as connection:
        await connection.ask("/products?limit=2")
        slow, quick = (f"GET /products?limit={limit} HTTP/1.1\r\nHost: t\r\n\r\n".encode() for limit in (90, 2))
        await connection.send([slow, quick])
        first, second = await connection.receive(), await connection.receive()
    assert (90, 2) == (first.json()["page"]["limit"], second.json()["page"]["limit"])


async def test_a_client_that_does_not_read_is_not_answered_for_ever(tmp_path: Path) -> None:
    """What is written and not taken stays in the sockets' buffers: past them, requests wait."""
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.port, limit=2**12)
        try:
            for _ in range(_UNREAD):
                writer.write(b"GET /products?limit=60 HTTP/1.1\r\nHost: t\r\n\r\n")
                await asyncio.sleep(0.0005)
            answered = service.app[keys.REQUEST_COUNTS].hot_path_answers
            assert 100 < answered < _UNREAD * 0.8
        finally:
            writer.transport.abort()
            del reader


async def test_another_aiohttp_turns_the_hot_path_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an assumption does not hold, one line says so, and every request goes the full path."""
    url = await catalogue(tmp_path)
    monkeypatch.setattr(aiohttp_adapter, "NAMES_OF_CONNECTIONS", (*aiohttp_adapter.NAMES_OF_CONNECTIONS, "_renamed"))
    with logged() as events:
        async with serving(settings_for(url)) as service:
            for _ in range(3):
                assert 200 == (await ask_kept(service.port, "/products")).status
            assert 0 == service.app[keys.REQUEST_COUNTS].hot_path_answers
    (line,) = [event for event in events if event["event"].startswith("hot path off")]
    assert "_renamed" in line["reason"]


async def test_the_assumptions_hold_of_the_aiohttp_that_is_installed() -> None:
    """What setup.py allows of aiohttp is what the hot path was made for."""

    async def handle(_: web.BaseRequest) -> web.Response:
        return web.Response()

    server = web.Server(handle)
    assert unmet_assumption(asyncio.get_running_loop(), server) is None
