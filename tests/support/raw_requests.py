"""Requests as raw bytes: what is sent is exactly what a test says, and no client has repaired it."""

import asyncio
import re
from typing import Any, NamedTuple

import orjson
from multidict import CIMultiDict

_ANSWER_WAIT_MAX_S = 20
_PROBLEM_FIELDS = {"type", "title", "status", "detail", "instance"}


class Answer(NamedTuple):
    """A response as it came over the wire."""

    status: int
    headers: CIMultiDict[str]
    body: bytes

    def json(self) -> Any:
        """The decoded body."""
        return orjson.loads(self.body)


def max_age_s(answer: Answer) -> int:
    """For how many seconds a cache may think the answer fresh."""
    found = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])
    assert found is not None, answer.headers
    return int(found[1])


async def exchange(port: int, sent: bytes) -> Answer:
    """What the service answers to `sent`, up to the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        await writer.drain()
        async with asyncio.timeout(_ANSWER_WAIT_MAX_S):
            received = await reader.read()
    finally:
        writer.close()
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = CIMultiDict((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    return Answer(int(status_line.split()[1]), headers, body)


async def ask(port: int, target: str | bytes, *, method: str = "GET", headers: str = "") -> Answer:
    """The answer to one request for exactly `target`, which no client has repaired. headers: whole lines."""
    raw = target if isinstance(target, bytes) else target.encode()
    fields = f"Host: test\r\nConnection: close\r\n{headers}\r\n".encode()
    return await exchange(port, b"%b %b HTTP/1.1\r\n%b" % (method.encode(), raw, fields))


def problem(answer: Answer, status: int, name: str) -> dict[str, Any]:
    """The problem details in `answer`, after a check that they have the one shape that all have."""
    assert status == answer.status, answer.body
    assert "application/problem+json" == answer.headers["Content-Type"]
    # A 5xx in the place of what caches may keep says nothing of caching; tests/web/test_kept_copies.py has which do.
    assert answer.headers.get("Cache-Control") in (("no-store",) if status < 500 else ("no-store", None))
    content: dict[str, Any] = answer.json()
    expected = _PROBLEM_FIELDS | ({"errors"} if name == "invalid-parameter" else set())
    assert expected == content.keys()
    assert (f"/problems/{name}", status) == (content["type"], content["status"])
    assert answer.headers["X-Request-ID"] == content["instance"]
    return content
