"""Floods for the rate limit: many connections from one address, and what came back, with its time."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from typing import NamedTuple

_HEAD_END = b"\r\n\r\n"
_REQUESTS_PER_CONNECTION = 30
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Arrived(NamedTuple):
    """One answer: when it came, by the monotonic clock, and its status."""

    at: float
    status: int


class Flood:
    """Requests for `target` from the address `source`, so many a second over so many connections.

    Each connection is replaced after some requests, so that every worker behind a port gets its share. ports: taken in
    turn. headers: further ones, each with its line end.
    """

    def __init__(
        self, ports: Sequence[int], source: str, *, target: str, rate: float, connections: int, headers: str = ""
    ) -> None:
        self.answers: list[Arrived] = []
        self._ports = list(ports)
        self._source = source
        self._request = f"GET {target} HTTP/1.1\r\nHost: flood\r\n{headers}\r\n".encode()
        self._every_s = connections / rate
        self._connections = connections

    @property
    def statuses(self) -> Counter[int]:
        """How many answers of each status came."""
        return Counter(answer.status for answer in self.answers)

    def admitted(self) -> list[float]:
        """When each request that was not refused was answered."""
        return sorted(answer.at for answer in self.answers if answer.status != 429)

    async def run(self, duration_s: float) -> None:
        """Ask for so many seconds."""
        end = time.monotonic() + duration_s
        await asyncio.gather(*(self._connection(number, end) for number in range(self._connections)))

    async def _connection(self, number: int, end: float) -> None:
        # Not all at the same moment.
        next_at = time.monotonic() + self._every_s * number / self._connections
        for port in cycle(self._ports[number % len(self._ports) :] + self._ports[: number % len(self._ports)]):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(self._source, 0))
            try:
                for _ in range(_REQUESTS_PER_CONNECTION):
                    await asyncio.sleep(max(0.0, next_at - time.monotonic()))
                    if time.monotonic() >= end:
                        return
                    await self._ask(reader, writer)
                    next_at += self._every_s
            finally:
                writer.close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._request)
        head = await reader.readuntil(_HEAD_END)
        length = _LENGTH.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        self.answers.append(Arrived(time.monotonic(), int(head[9:12])))


def most_within(times: Sequence[float], window_s: float) -> int:
    """The most of `times`, which are in order, that lie within any `window_s` seconds."""
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] > window_s:
            first += 1
        most = max(most, last - first + 1)
    return most
