"""The generator with a schedule charges the service for its stalls."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.bench.histogram import Histogram
from tests.bench.steady_load import SteadyRun, run_steady

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno"
_RATE, _SECONDS = 200, 1.0
_STALL_S = 0.4


class _Server(asyncio.Protocol):
    """Answers each request at once, after `asked` was called."""

    def __init__(self, answer: bytes, asked: Callable[[], None]) -> None:
        self._answer = answer
        self._asked = asked

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked()
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(self._answer)


@contextmanager
def _serving(answer: bytes, *, stalls: bool = False) -> Iterator[int]:
    """Run the server in a thread; its port. stalls: whether it is silent once, in the middle of the run."""
    loop = asyncio.new_event_loop()
    left = [_STALL_S] if stalls else []

    def asked() -> None:
        if left:
            loop.call_later(_SECONDS / 2, threading.Event().wait, left.pop())

    server = loop.run_until_complete(loop.create_server(lambda: _Server(answer, asked), "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(server.wait_closed())
        loop.close()


def _run(port: int) -> SteadyRun:
    return run_steady(port, ["/a", "/b"], rate=_RATE, seconds=_SECONDS, connections=4, core=None, seed=1)


def test_the_rate_is_kept() -> None:
    """About as many requests as the schedule says, each answered."""
    with _serving(_ANSWER) as port:
        run = _run(port)
    assert run.errors == 0
    assert run.times.count == pytest.approx(_RATE * _SECONDS, rel=0.3)


def test_a_stall_is_charged_to_every_request_that_was_due_meanwhile() -> None:
    """Four connections wait at most for four answers; the schedule has all that the stall held up wait."""
    with _serving(_ANSWER, stalls=True) as port:
        run = _run(port)
    held_up = _RATE * _STALL_S / 2
    assert run.times.quantile_ms(1 - held_up / (_RATE * _SECONDS)) > 1000 * _STALL_S / 4
    assert run.times.max_s > _STALL_S / 2


def test_another_status_is_an_error() -> None:
    """Refusals are counted as errors, and have no time."""
    with _serving(_REFUSAL) as port:
        run = _run(port)
    assert run.times.count == 0
    assert run.errors > 0


def test_a_histogram_tells_quantiles() -> None:
    """Half of the times are below the median, to half a percent; merged ones count together, however long."""
    low, high = Histogram(), Histogram()
    for number in range(100):
        low.add(number * 1e-5)
        high.add(7.5)
    assert low.quantile_ms(0.5) == pytest.approx(0.49, abs=0.02)
    low.merge(high)
    assert low.quantile_ms(0.99) == pytest.approx(7500, rel=0.01)
    with pytest.raises(ValueError, match="no time"):
        Histogram().quantile_ms(0.5)
