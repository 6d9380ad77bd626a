"""The client against servers that hardly speak HTTP: always one of our errors, and never a secret in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from farmlokal.errors import PartnerError, PartnerFailed
from tests.support.partner import LIMITS, TOKEN, connections_in_use, odd_upstream, partner_stand

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def raw_upstream(sent: bytes) -> AsyncIterator[str]:
    """The URL of a server that says `sent` to everybody and closes the connection."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(sent)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/1.1 two hundred OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n",
        OK + b"Content-Length: 10\r\n\r\n{",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}",
        OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnone",
        OK + b"Content-Length: 2\r\n\r\n\xff\xfe",
        OK + b"Content-Length: 9999\r\n\r\n" + b"[" * 9999,
        b"HTTP/1.1 302 Found\r\nLocation: http://[bad\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nRetry-After: \xff\xff\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=lambda sent: str(len(sent)),
)
async def test_whatever_is_said_becomes_our_error(sent: bytes) -> None:
    """No answer, however broken, ends in an error of another kind, in a wait, or in a leak."""
    async with partner_stand() as partner, raw_upstream(sent) as url:
        connection = partner.connect(base_url=url, limits=LIMITS._replace(breaker_failures_max=99))
        with pytest.raises(PartnerError) as caught:
            await connection.client.get_json("/products")
        token = (await connection.tokens.get()).access_token
        assert token not in f"{caught.value} {caught.value.upstream}"
        assert 0 == connections_in_use(connection)


@pytest.mark.parametrize(("body", "kind"), [(b"<h1>401</h1>", "text/html"), (b"", "text/plain"), (b"{", "text/json")])
async def test_a_401_is_one_whatever_its_body(body: bytes, kind: str) -> None:
    """A gateway's page says as well as JSON does that the token is of no use: it is replaced once, then told."""
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.headers["Authorization"])
        return web.Response(status=401, body=body, content_type=kind)

    async with partner_stand() as partner, odd_upstream(refuse) as url:
        with pytest.raises(PartnerFailed, match="refuses our access token") as caught:
            await partner.client(base_url=url).get_json("/products")
        assert 2 == len(set(asked)) == len(asked) == partner.requests(TOKEN)
    assert 401 == caught.value.upstream.status


async def test_a_lone_surrogate_is_passed_on() -> None:
    """One string that is no text must not cost a feed's page; JSON that is wrong otherwise still is our error."""
    async with partner_stand() as partner:
        for body, content in ((b'{"a":"\\ud800","b":1}', {"a": "\ud800", "b": 1}), (b'{"a":"\\ud800"', None)):
            async with raw_upstream(OK + b"Content-Length: %d\r\n\r\n" % len(body) + body) as url:
                connection = partner.connect(base_url=url, limits=LIMITS._replace(breaker_failures_max=99))
                if content is not None:
                    assert content == await connection.client.get_json("/products")
                else:
                    with pytest.raises(PartnerFailed, match="JSON that breaks off"):
                        await connection.client.get_json("/products")
