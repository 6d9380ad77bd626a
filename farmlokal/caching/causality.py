"""What a load has to have seen before a page that it brings may be called fresh.

Where loads may be made at replicas, Redis keeps beside the generations how far the writer had come at the latest
invalidation. A load is told both in one step: so whoever has a tag's new generation has the position that goes with it.
While something is not known (Redis restarted empty, an invalidation without a position, another master) loads go to
the writer, and one of them asks it for its position.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from farmlokal.caching.second_tier import Lease, SecondTier
from farmlokal.errors import Unavailable
from farmlokal.resilience.commit_positions import CommitPositions, Needed, Position
from farmlokal.resilience.ending import end
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# A writer that cannot say its position is asked again after so long: each time takes a new connection.
_ASK_AGAIN_S = 10.0


class Causality:
    """Says what loads need, and learns what is not known.

    commits: what this process's commits came to. ask: returns the position of the writer by now, None where it has
    none. clock: monotonic seconds.
    """

    def __init__(
        self,
        commits: CommitPositions,
        ask: Callable[[], Awaitable[Position | None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.commits = commits
        self._ask = ask
        self._clock = clock
        self._learning: asyncio.Task[None] | None = None
        self._ask_from = float("-inf")
        self._logged = False

    def __repr__(self) -> str:
        return f"<Causality {self.commits!r} learning={self._learning is not None}>"

    def needed(self, second: SecondTier | None, lease: Lease | None, *, told: bool) -> Needed:
        """Return what a load under `lease` has to have seen.

        told: whether nothing of its tags was invalidated that `lease` does not say: else only the writer has it.
        """
        if second is None or lease is None:
            return Needed(None)
        if lease.unknown:
            self._learn(second, lease.unknown)
            return Needed(None)
        return Needed(lease.positions if told and lease.positions else None)

    async def close(self) -> None:
        """Learn no more."""
        if self._learning is not None:
            await end([self._learning])

    def _learn(self, second: SecondTier, unknown: str) -> None:
        if self._learning is None and self._clock() >= self._ask_from:
            self._learning = asyncio.create_task(self._learned(second, unknown), name="position of the writer")

    async def _learned(self, second: SecondTier, unknown: str) -> None:
        try:
            position = await self._ask()
        except Unavailable as error:
            self._cannot(str(error))
        else:
            if position is None:
                self._cannot("it says no position: it is read-only, or has neither a binary log with GTIDs nor Galera")
            else:
                self._logged = False
                await second.learn(unknown, position)
        finally:
            self._learning = None

    def _cannot(self, reason: str) -> None:
        self._ask_from = self._clock() + _ASK_AGAIN_S
        if not self._logged:
            self._logged = True
            _log.warning("how far the writer has come is not known: loads are made there", reason=reason)
