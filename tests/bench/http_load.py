"""A load generator that costs little: HTTP/1.1 over kept-alive connections, each with one request under way.

It has to ask faster than the service can answer from memory: a request is one write, an answer one search for its end.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from http import HTTPStatus
from itertools import cycle
from typing import cast

import uvloop

from tests.bench.samples import Sample, sample_of

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def run_load(
    port: int, targets: Sequence[str], *, connections: int, seconds: float, misses_only: bool = False
) -> Sample:
    """Ask 127.0.0.1:`port` for `targets`, in their order and then again, from all connections for so many seconds.

    misses_only: count the times of answers that came from the database for this very request, and of no others.
    """
    requests = cycle([f"GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n".encode() for target in targets])
    return run_requests(port, requests, connections=connections, seconds=seconds, misses_only=misses_only)


def run_requests(
    port: int,
    requests: Iterator[bytes],
    *,
    connections: int,
    seconds: float,
    misses_only: bool = False,
    expected: int = HTTPStatus.OK,
) -> Sample:
    """The same with whole requests, of which there must be enough. expected: the status of what is no error."""
    return uvloop.run(_run(port, connections, _Load(requests, seconds, misses_only=misses_only, expected=expected)))


async def _run(port: int, connections: int, run: "_Load") -> Sample:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    run.start(started)
    opened = [
        loop.create_connection(lambda: _Connection(run, loop.create_future()), "127.0.0.1", port)
        for _ in range(connections)
    ]
    for _, connection in await asyncio.gather(*opened):
        await connection.done
    elapsed_s = time.perf_counter() - started
    return sample_of(run.times_s, elapsed_s, errors=run.errors, uncounted=run.uncounted)


class _Load:
    """What the connections share: the requests to send, until when, and what came of them."""

    def __init__(self, requests: Iterator[bytes], seconds: float, *, misses_only: bool, expected: int) -> None:
        self.requests = requests
        self.deadline = seconds
        self.misses_only = misses_only
        self.expected = str(int(expected)).encode()
        self.times_s: list[float] = []
        self.errors = 0
        self.uncounted = 0

    def start(self, now: float) -> None:
        """From here the time runs."""
        self.deadline += now

    def answered(self, status: bytes, head: bytes, time_s: float) -> None:
        if status != self.expected:
            self.errors += 1
        elif self.misses_only and (b"fwd=miss" not in head or b"collapsed" in head):
            self.uncounted += 1
        else:
            self.times_s.append(time_s)


class _Connection(asyncio.Protocol):
    """One connection; `done` when the time is up or the server closed it."""

    def __init__(self, load: _Load, done: asyncio.Future[None]) -> None:
        self.done = done
        self._load = load
        self._buffer = b""
        self._end = 0  # of the answer in the buffer; 0 while its head is not whole
        self._head = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is one in all but name
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._end and not self._parse_head():
            return
        if len(self._buffer) >= self._end:
            self._load.answered(self._buffer[9:12], self._head, time.perf_counter() - self._sent_at)
            self._buffer, self._end = b"", 0
            self._send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self._load.errors += 1
            self.done.set_result(None)

    def _parse_head(self) -> bool:
        blank = self._buffer.find(b"\r\n\r\n")
        if blank < 0:
            return False
        self._head = self._buffer[:blank]
        length = _LENGTH.search(self._head)
        self._end = blank + 4 + (int(length[1]) if length else 0)
        return True

    def _send(self) -> None:
        self._sent_at = time.perf_counter()
        if self._sent_at >= self._load.deadline:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._transport.write(next(self._load.requests))
