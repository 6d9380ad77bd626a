"""Reading entries and generations: what is asked for in one turn of the event loop travels as one MGET."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from farmlokal.caching.entry import Entry, decoded
from farmlokal.caching.second_tier import Snapshot
from farmlokal.resilience.redis_primary import RedisPrimary
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

Asker = Callable[[Snapshot | None], object]
Fetch = Callable[[list[str]], Awaitable[list[bytes | None] | None]]

# More than this in one MGET would hold up Redis, and everybody who waits for it, for milliseconds.
_KEYS_MAX = 256


class BatchedReads:
    """Collects keys until the event loop's next turn; every asker gets its part of the one answer.

    fetch: answers keys in their order, or None where it cannot; it does not raise. primary: knows the server's mark.
    """

    def __init__(self, fetch: Fetch, primary: RedisPrimary) -> None:
        self._fetch = fetch
        self._primary = primary
        self._asked: dict[str, None] = {}
        self._askers: list[tuple[Sequence[str], Asker, Context]] = []
        self._sending: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<BatchedReads asked={len(self._asked)} sending={len(self._sending)}>"

    async def ask(self, names: Sequence[str]) -> Snapshot | None:
        """Return what Redis holds of an entry, whose key is the first of `names`, and of the generations at the others.

        All is of one moment; None where nobody can say.
        """
        # A future for each asker: the cancellation of one must not take the answer from the others.
        asker: asyncio.Future[Snapshot | None] = asyncio.get_running_loop().create_future()
        self.ask_then(names, partial(_settle, asker))
        return await asker

    def ask_then(self, names: Sequence[str], asker: Asker) -> None:
        """Call `asker` in a later turn of the event loop with what `ask` returns. It must not raise. No task."""
        if not self._askers:
            asyncio.get_running_loop().call_soon(self._send)
        elif len(self._asked) + len(names) > _KEYS_MAX:
            self._send()
            asyncio.get_running_loop().call_soon(self._send)
        # What it starts is its own asker's: the answer comes in the context of whoever asked first in that turn.
        self._askers.append((names, asker, copy_context()))
        for name in names:
            self._asked[name] = None

    def _send(self) -> None:
        if not self._askers:
            return  # a full batch went before its turn
        asked, self._asked = list(self._asked), {}
        askers, self._askers = self._askers, []
        task = asyncio.create_task(self._answer(asked, askers))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _answer(self, names: list[str], askers: list[tuple[Sequence[str], Asker, Context]]) -> None:
        answers: dict[str, Any] | None = None
        try:
            held = await self._fetch(names)
            if held is not None:
                answers = dict(zip(names, held, strict=True))
        finally:
            # Also where this task is cancelled, or another asker fails: nobody must wait for ever.
            for of_asker, asker, context in askers:
                try:
                    context.run(asker, None if answers is None else self._snapshot(of_asker, answers))
                except Exception:
                    _log.exception("a reader of redis failed")

    def _snapshot(self, names: Sequence[str], answers: dict[str, Any]) -> Snapshot:
        """What the answers say of one asker's names. What is decoded stays there, for the others of its batch."""
        entry_at = names[0]
        entry = answers[entry_at]
        if type(entry) is bytes:
            entry = answers[entry_at] = decoded(entry)
        return snapshot_of(entry, [answers[name] for name in names[1:]], self._primary.mark)


def snapshot_of(entry: Entry | None, generations: list[bytes | None], mark: str) -> Snapshot:
    """Return what Redis said of an entry and of its tags' generations. mark: of the server that said it."""
    # An entry's generations were all made by one server. So one of another server's here means that they are not those
    # of an entry of this one's: an invalidation may have been lost with the server that had it.
    first = generations[0] if generations else None
    if first is not None and not first.startswith(mark.encode()):
        return Snapshot(entry, (None,) * len(generations))
    return Snapshot(entry, tuple([None if raw is None else text_of(raw) for raw in generations]))


def text_of(generation: bytes) -> str:
    """Return a generation as text: latin-1 gives back every byte, also of what is none of our tokens."""
    return generation.decode("latin-1")


def _settle(asker: asyncio.Future[Snapshot | None], snapshot: Snapshot | None) -> None:
    if not asker.done():
        asker.set_result(snapshot)
