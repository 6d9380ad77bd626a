"""Group commit: what arrives while a batch is under way becomes the next batch.

Nothing waits that need not: what comes alone begins at once. A batch that is held up, by rows that somebody else has
locked, does not hold up what comes after it: past a time the next one begins beside it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# A transaction of so many locks its rows for some ten milliseconds, and a lost connection takes no more along.
_BATCH_MAX = 64
# Of more than so many, half are left for the next batch. Two of the same size keep us and the database at work by
# turns; where all but one come, and then that one, either waits for the other.
_BATCH_WHOLE_MAX = 16
# Longer than a batch takes on a busy machine.
_HELD_UP_S = 0.2
# At once, of a pool that listings are loaded from as well.
_UNDER_WAY_MAX = 4


class _Member(Generic[Item, Result]):
    """An item, the result that its caller waits for, and the batch that it is in."""

    __slots__ = ("batch", "item", "result")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.result: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self.batch: _Batch[Item, Result] | None = None


class _Batch(Generic[Item, Result]):
    """Items that are run together, by a task of its own: whichever caller goes away, the others get their results."""

    def __init__(self, members: Sequence[_Member[Item, Result]]) -> None:
        self.members = members
        self.task: asyncio.Task[None]
        self.held_up = False
        for member in members:
            member.batch = self

    @property
    def wanted(self) -> bool:
        """Whether anybody still waits for a result."""
        return not all(member.result.done() for member in self.members)


class GroupCommit(Generic[Item, Result]):
    """Forms batches of the items that are submitted, and runs one after the other."""

    def __init__(
        self,
        run: Callable[[Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        held_up_s: float = _HELD_UP_S,
    ) -> None:
        """run: runs a batch. Returns for each item its result, or the error to be raised for it.

        held_up_s: past so many seconds the next batch begins beside the one under way.
        """
        self._run = run
        self._held_up_s = held_up_s
        self._waiting: deque[_Member[Item, Result]] = deque()
        self._under_way: set[_Batch[Item, Result]] = set()

    def __repr__(self) -> str:
        return f"<GroupCommit waiting={len(self._waiting)} under_way={len(self._under_way)}>"

    async def submit(self, item: Item) -> Result:
        """Run `item` in a batch. Returns its result. Where every caller of a batch is cancelled, so is the batch."""
        member: _Member[Item, Result] = _Member(item)
        self._waiting.append(member)
        self._begin()
        try:
            return await member.result
        except asyncio.CancelledError:
            if member.batch is not None and not member.batch.wanted:
                member.batch.task.cancel()
                await asyncio.wait({member.batch.task})
            raise

    def _begin(self) -> None:
        """Begin a batch of what waits, unless one is under way that makes headway."""
        makes_headway = any(not batch.held_up for batch in self._under_way)
        if makes_headway or len(self._under_way) == _UNDER_WAY_MAX:
            return
        members: list[_Member[Item, Result]] = []
        size = min(_BATCH_MAX, max(_BATCH_WHOLE_MAX, len(self._waiting) // 2))
        while self._waiting and len(members) < size:
            member = self._waiting.popleft()
            if not member.result.done():  # its caller is still there
                members.append(member)
        if members:
            batch = _Batch(members)
            self._under_way.add(batch)
            batch.task = asyncio.create_task(self._see_through(batch), name=f"batch of {len(members)}")

    async def _see_through(self, batch: _Batch[Item, Result]) -> None:
        held_up = asyncio.get_running_loop().call_later(self._held_up_s, self._note_held_up, batch)
        try:
            results = await self._run([member.item for member in batch.members])
        except Exception as error:  # each caller raises it
            results = [error] * len(batch.members)
        finally:
            held_up.cancel()
            self._under_way.discard(batch)
            self._begin()
        for member, result in zip(batch.members, results, strict=True):
            if member.result.done():
                continue
            if isinstance(result, Exception):
                member.result.set_exception(result)
            else:
                member.result.set_result(result)

    def _note_held_up(self, batch: _Batch[Item, Result]) -> None:
        batch.held_up = True
        self._begin()
