"""`Expect` (RFC 9110 section 10.1.1): the body is invited by whoever wants to read it, and by nobody before."""

from aiohttp import web
from aiohttp.http import HttpVersion11

_CONTINUE = "100-continue"


async def check_expectation(request: web.Request) -> None:
    """A route's `expect_handler`. Raises HTTPExpectationFailed for what is not done here.

    aiohttp's own one invites every body, also one that is refused then for its length, which stands in the head.
    """
    if request.version == HttpVersion11 and request.headers["Expect"].lower() != _CONTINUE:
        raise web.HTTPExpectationFailed


async def invite_body(request: web.Request) -> None:
    """Have the client send its body, where it waits to be asked for it."""
    if request.version == HttpVersion11 and request.headers.get("Expect", "").lower() == _CONTINUE:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # An error is still to be answered: nothing of the answer is out.
        request.writer.output_size = 0
