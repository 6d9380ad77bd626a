"""When refreshes begin: one after the other, at a share of the core that is left.

Nobody waits for a refresh, and what it takes of the core it takes from those who are answered meanwhile. Pages that
were loaded together turn stale together, and a write makes all pages of its tags stale at once: begun at once as well,
their loads would fill whole turns of the event loop, and a hit behind them would take many times as long.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from contextvars import copy_context

# A load takes some half of a millisecond of the core (docs/profiles.md): one in each two milliseconds is a quarter of
# what is left of an idle core.
EVERY_S = 0.002
# A core without a pause is reckoned to have a tenth left: what is hot must not grow old for want of a refresh.
_LEFT_MIN = 0.1
# The time over which the core's use is measured, at least.
_MEASURED_OVER_S = 0.05
# Then a refresh is late. Of those one begins in each millisecond, whatever is left, and where every slot of the origin
# is taken: how old an answer may get goes before how long the answers beside it take.
_WAIT_MAX_S, _LATE_EVERY_S = 5.0, 0.001


class CoreLeft:
    """Measures how much of its core the thread that asks leaves.

    clock: monotonic seconds. processor_s: seconds of the core that the thread has used.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, processor_s: Callable[[], float] = time.thread_time
    ) -> None:
        self._clock = clock
        self._processor_s = processor_s
        self._since_s, self._used_s = clock(), processor_s()
        self._share = 1.0

    def __repr__(self) -> str:
        return f"<CoreLeft {self._share:.2f}>"

    def share(self) -> float:
        """Return the share, from a tenth to 1, as it was when it was measured last."""
        now_s = self._clock()
        if now_s - self._since_s >= _MEASURED_OVER_S:
            used_s = self._processor_s()
            left = 1 - (used_s - self._used_s) / (now_s - self._since_s)
            self._share = min(1.0, max(_LEFT_MIN, left))
            self._since_s, self._used_s = now_s, used_s
        return self._share


class RefreshTurns:
    """The refreshes that wait for their turn, by key, in the order in which they were asked for.

    has_room: whether the origin has slots to spare. left: the share of the core that is left. every_s: seconds from one
    beginning to the next while nothing else uses the core; the less is left, the longer. clock: monotonic seconds.
    """

    def __init__(
        self,
        has_room: Callable[[], bool],
        left: Callable[[], float],
        *,
        every_s: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._has_room = has_room
        self._left = left
        self._every_s = every_s
        self._clock = clock
        # By key, since when it waits, and what begins it. A plain dictionary would look for its first ever longer.
        self._waiting: OrderedDict[str, tuple[float, Callable[[], object]]] = OrderedDict()
        self._last_s = self._next_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<RefreshTurns waiting={len(self._waiting)}>"

    def __contains__(self, key: str) -> bool:
        return key in self._waiting

    def put(self, key: str, begin: Callable[[], object]) -> None:
        """Have `begin`, which must not raise, called when it is the turn of `key`: now, where nothing is in its way.

        It is called in the context of this call: what it starts logs under nobody else's request.
        """
        context = copy_context()
        self._waiting[key] = self._clock(), lambda: context.run(begin)
        if self._timer is None:
            self._go_on()

    def close(self) -> None:
        """Forget those that wait."""
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _go_on(self) -> None:
        """Begin what may begin by now, and come again for the rest."""
        self._timer = None
        while self._waiting:
            key, (since_s, begin) = next(iter(self._waiting.items()))
            now_s = self._clock()
            wait_s = self._wait_s(now_s, since_s)
            if wait_s > 0:
                self._timer = asyncio.get_running_loop().call_later(wait_s, self._go_on)
                return
            del self._waiting[key]
            self._last_s, self._next_s = now_s, now_s + self._every_s / self._left()
            begin()

    def _wait_s(self, now_s: float, since_s: float) -> float:
        """Return how long, in seconds, the first has to wait before it is looked at again; 0 or less to begin it."""
        late_s = since_s + _WAIT_MAX_S
        if now_s >= late_s:
            return min(self._next_s, self._last_s + _LATE_EVERY_S) - now_s
        until_s = self._next_s if self._has_room() else max(self._next_s, now_s + EVERY_S)
        return min(until_s, late_s) - now_s
