"""A download arrives whole or not at all: streamed, tried again from its start, within its limits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from farmlokal.partner.outbound.download import DownloadLimits, download
from farmlokal.partner.outbound.responses import AttemptFailed
from farmlokal.partner.outbound.upstream import SharedSession

CONTENT = b"State,District\n" * 50_000
QUICK = DownloadLimits(attempts_max=3, backoff_base_s=0.001, backoff_max_s=0.001)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Kept:
    """What was downloaded, and how many times it began."""

    def __init__(self) -> None:
        self.content = b""
        self.begun = 0

    def write(self, chunk: bytes) -> None:
        """Keeps `chunk`."""
        self.content += chunk

    def restart(self) -> None:
        """Forgets what came."""
        self.begun += 1
        self.content = b""


@asynccontextmanager
async def serving(*handlers: Handler) -> AsyncIterator[URL]:
    """The address of a server that answers with each of `handlers` in turn, the last one ever after."""
    left = list(handlers)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        yield server.make_url("/day.csv")


async def fetched(url: URL, kept: Kept, limits: DownloadLimits = QUICK) -> Kept:
    """Downloads `url`."""
    session = SharedSession()
    try:
        await download(session, url, kept, limits=limits)
    finally:
        await session.close()
    return kept


async def whole(_: web.Request) -> web.Response:
    """The file."""
    return web.Response(body=CONTENT)


async def broken(request: web.Request) -> web.StreamResponse:
    """Half of the file, and then nothing more."""
    response = web.StreamResponse(headers={"Content-Length": str(len(CONTENT))})
    await response.prepare(request)
    await response.write(CONTENT[: len(CONTENT) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


def status(number: int, body: str = "", **headers: str) -> Handler:
    """An answer with a status."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            status=number, text=body, headers={name.replace("_", "-"): headers[name] for name in headers}
        )

    return answer


async def test_a_file_arrives_whole() -> None:
    """Byte for byte, and with how much of it came."""
    seen: list[tuple[int, int | None]] = []
    session, kept = SharedSession(), Kept()
    async with serving(whole) as url:
        await download(session, url, kept, on_progress=lambda done, total: seen.append((done, total)))
    await session.close()
    assert (1, CONTENT) == (kept.begun, kept.content)
    assert (len(CONTENT), len(CONTENT)) == seen[-1]


async def test_what_breaks_off_begins_again() -> None:
    """Half a file that came before does not stand before the whole one."""
    async with serving(broken, status(503, Retry_After="0"), whole) as url:
        kept = await fetched(url, Kept())
    assert (2, CONTENT) == (kept.begun, kept.content)


async def test_a_redirect_is_followed() -> None:
    """Published files often lie elsewhere than their addresses say."""
    async with serving(status(302, Location="/elsewhere.csv"), whole) as url:
        assert CONTENT == (await fetched(url, Kept())).content


@pytest.mark.parametrize(
    ("handler", "reason", "asked"),
    [
        (status(404), "answered 404", 1),
        (status(403, '{"error": "Key not authorised"}'), "answered 403: 'Key not authorised'", 1),
        (status(400, '{"error": {"message": "no such field"}}'), "answered 400: 'no such field'", 1),
        (status(502, "<html>"), "answered 502", 3),
        (broken, "broke off its answer", 3),
        (status(302, Location="/again"), "redirects again and again", 1),
    ],
    ids=["404", "403-with-a-reason", "400-with-a-nested-reason", "502", "broken", "redirects"],
)
async def test_what_fails_says_why(handler: Handler, reason: str, asked: int) -> None:
    """What may pass is tried again, as often as the limits say; the rest fails at once."""
    seen: list[str] = []

    async def counted(request: web.Request) -> web.StreamResponse:
        if request.path == "/day.csv":
            seen.append(request.path)
        return await handler(request)

    async with serving(counted) as url:
        with pytest.raises(AttemptFailed) as failure:
            await fetched(url, Kept())
    assert (reason, asked) == (str(failure.value), len(seen))


async def test_a_server_that_is_silent_is_left() -> None:
    """One that does not go on sending within its time is asked again, and then given up."""
    ended = asyncio.Event()

    async def silent(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await ended.wait()
        return response

    async with serving(silent) as url:
        with pytest.raises(AttemptFailed, match="did not answer in time"):
            await fetched(url, Kept(), QUICK._replace(attempts_max=2, silence_max_s=0.05))
        ended.set()


async def test_whoever_takes_the_bytes_may_end_it() -> None:
    """What the sink raises is raised, and nothing is tried again."""

    class Full(Kept):
        def write(self, chunk: bytes) -> None:
            raise LookupError(len(chunk))

    kept = Full()
    async with serving(whole) as url:
        with pytest.raises(LookupError):
            await fetched(url, kept)
    assert 1 == kept.begun


async def test_nobody_there_is_said() -> None:
    """A port without a server."""
    async with serving(whole) as url:
        pass
    with pytest.raises(AttemptFailed, match="cannot be reached"):
        await fetched(url, Kept())
