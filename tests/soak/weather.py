"""What happens to the connections: one fault after another, drawn at random from a seed."""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from random import Random

from tests.support.tcp_proxy import TCPProxy

# Between two faults.
_CALM_S = (1.0, 4.0)
# How long what is sent is held back, in each direction, and for how long that goes on beside other faults.
_DELAY_S, _DELAYED_S = (0.01, 0.12), (1.0, 8.0)

Fault = Callable[[], Awaitable[object]]


class Weather:
    """The faults of two proxies. lead_on: makes the name of a server lead elsewhere, by the server's name."""

    def __init__(
        self, draw: Random, proxies: Mapping[str, TCPProxy], lead_on: Mapping[str, Callable[[], Awaitable[int]]]
    ) -> None:
        self._draw = draw
        self._began = time.monotonic()
        self._faults: dict[str, Fault] = {}
        self.counts: Counter[str] = Counter()
        self.log: list[tuple[float, str]] = []  # monotonic seconds, and the fault
        for name, proxy in proxies.items():
            self._faults |= {
                f"{name} forgotten": _at_once(proxy.forget),
                f"{name} answers lost": _at_once(proxy.lose_answers),
                f"{name} cut": _at_once(proxy.cut),
                f"{name} delayed": self._delayed(proxy),
                f"{name} redirected": _redirected(proxy, lead_on[name]),
            }

    async def blow(self, seconds: float) -> None:
        """One fault after another for so long, each of them at least once where there is time."""
        end = time.monotonic() + seconds
        left: list[str] = []
        while time.monotonic() < end:
            if not left:
                left = list(self._faults)
                self._draw.shuffle(left)
            name = left.pop()
            self.log.append((time.monotonic(), name))
            sys.stderr.write(f"{time.monotonic() - self._began:6.1f} s: {name}\n")
            await self._faults[name]()
            self.counts[name] += 1
            await asyncio.sleep(self._draw.uniform(*_CALM_S))

    def before(self, at_s: float) -> str:
        """The last faults before that moment, for whoever reads of a failure."""
        last = [(began, name) for began, name in self.log if began <= at_s][-3:]
        return ", ".join(f"{at_s - began:.1f} s after {name}" for began, name in reversed(last)) or "in calm"

    def losses(self, server: str, began: float, ended: float) -> int:
        """How many times connections to this server were lost, or began to lead elsewhere, under a request.

        Also in the second before: it may be the first to meet that.
        """
        return sum(
            name.startswith(server) and name != f"{server} delayed" for at, name in self.log if began - 1 <= at <= ended
        )

    def _delayed(self, proxy: TCPProxy) -> Fault:
        async def work() -> None:
            proxy.delay(self._draw.uniform(*_DELAY_S))
            asyncio.get_running_loop().call_later(self._draw.uniform(*_DELAYED_S), proxy.delay, 0)

        return work


def _at_once(change: Callable[[], object]) -> Fault:
    async def work() -> None:
        change()

    return work


def _redirected(proxy: TCPProxy, lead_on: Callable[[], Awaitable[int]]) -> Fault:
    async def work() -> None:
        proxy.redirect(("127.0.0.1", await lead_on()))

    return work
