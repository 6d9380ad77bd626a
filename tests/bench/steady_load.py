"""Requests by a schedule, whatever the service does: the times include what a request waited to be sent.

A generator that asks again only when it was answered asks less while the service stalls, and so hides the stall
(coordinated omission, G. Tene, "How NOT to Measure Latency", 2013). Here every request has a moment at which it is due,
drawn as a Poisson process draws them, and its time runs from that moment.
"""

import asyncio
import os
import random
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

from tests.bench.histogram import Histogram

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\nContent-Length: "
_OK = b"HTTP/1.1 200"
_FINISH_WAIT_MAX_S = 10.0


@dataclass(slots=True)
class SteadyRun:
    """What came of a run: times from the due moment; how late the generator itself was; requests and errors.

    late: between the moment that a request was due, or that a connection became free for it if that was later, and
    that of its sending. elapsed_s: from the first due moment to the last answer.
    """

    times: Histogram = field(default_factory=Histogram)
    late: Histogram = field(default_factory=Histogram)
    errors: int = 0
    elapsed_s: float = 0.0


def run_steady(
    port: int, targets: Sequence[str], *, rate: float, seconds: float, connections: int, core: int | None, seed: int
) -> SteadyRun:
    """Ask 127.0.0.1:`port` for `targets` in their order and then again, on average `rate` times a second.

    core: to which this process then keeps; it uses all of it, waiting included. seed: of the schedule.
    """
    if core is not None:
        os.sched_setaffinity(0, {core})
    return uvloop.run(_Generator(targets, rate, seconds, seed).run(port, connections))


class _Generator:
    """The schedule, the connections that are free, and the requests that are due and found none."""

    def __init__(self, targets: Sequence[str], rate: float, seconds: float, seed: int) -> None:
        self._requests = [f"GET {target} HTTP/1.1\r\nHost: bench\r\n\r\n".encode() for target in targets]
        self._draw = random.Random(seed)
        self._place = self._draw.randrange(len(self._requests))
        self._rate = rate
        self._seconds = seconds
        self._free: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()
        self._under_way = 0
        self._due = self._end = 0.0
        self._ended: asyncio.Future[None]
        self.result = SteadyRun()

    async def run(self, port: int, connections: int) -> SteadyRun:
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        opened = []
        for _ in range(connections):
            transport, connection = await loop.create_connection(lambda: _Connection(self), "127.0.0.1", port)
            opened.append(transport)
            self._free.append(connection)
        started = self._due = time.perf_counter()
        self._end = started + self._seconds
        self._tick(loop)
        await self._ended
        self.result.elapsed_s = time.perf_counter() - started
        for transport in opened:
            transport.abort()
        return self.result

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        """Send what is due; come again at once, for a timer would come up to a millisecond late."""
        now = time.perf_counter()
        while self._due <= now and self._due < self._end:
            self._waiting.append(self._due)
            self._due += self._draw.expovariate(self._rate)
        while self._waiting and self._free:
            self._send(self._free.pop(), self._waiting.popleft())
        over = self._due >= self._end and not self._waiting and not self._under_way
        if over or now > self._end + _FINISH_WAIT_MAX_S:
            self.result.errors += len(self._waiting) + self._under_way
            self._ended.set_result(None)
        else:
            loop.call_soon(self._tick, loop)

    def _send(self, connection: "_Connection", due: float) -> None:
        self._place = (self._place + 1) % len(self._requests)
        now = time.perf_counter()
        self.result.late.add(now - max(due, connection.free_since))
        self._under_way += 1
        connection.ask(self._requests[self._place], due)

    def answered(self, connection: "_Connection", due: float, *, good: bool) -> None:
        """The answer is whole: the connection is free."""
        connection.free_since = time.perf_counter()
        self._under_way -= 1
        if good:
            self.result.times.add(connection.free_since - due)
        else:
            self.result.errors += 1
        self._free.append(connection)

    def lost(self, *, asked: bool) -> None:
        """A connection was closed by the service; it is not opened again."""
        if not self._ended.done():
            self.result.errors += 1
            self._under_way -= asked


class _Connection(asyncio.Protocol):
    """One connection with one request under way at most."""

    def __init__(self, generator: _Generator) -> None:
        self.free_since = 0.0
        self._generator = generator
        self._due = 0.0
        self._asked = False
        self._buffer = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes, due: float) -> None:
        """Send a request that was due at that moment."""
        self._due, self._asked = due, True
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        blank = self._buffer.find(_HEAD_END)
        if blank < 0:
            return
        length = self._buffer.find(_LENGTH, 0, blank) + len(_LENGTH)
        end = self._buffer.find(b"\r", length)
        if len(self._buffer) >= blank + len(_HEAD_END) + int(self._buffer[length:end]):
            good = self._buffer.startswith(_OK)
            self._buffer, self._asked = b"", False
            self._generator.answered(self, self._due, good=good)

    def connection_lost(self, error: Exception | None) -> None:
        self._generator.lost(asked=self._asked)
