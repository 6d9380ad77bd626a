"""The keys that are asked for in one turn of the event loop, read from Redis together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from functools import partial

from farmlokal.caching.entry import Entry
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# What each key holds. An asker that decodes an entry (5 µs for 7 KB) leaves it here for the others of its batch.
Answers = dict[str, bytes | Entry | None]
Asker = Callable[[Answers | None], object]
Fetch = Callable[[list[str]], Awaitable[list[bytes | None] | None]]

# More than this in one MGET would hold up Redis, and everybody who waits for it, for milliseconds.
_KEYS_MAX = 256


class BatchedReads:
    """Collects keys until the event loop's next turn; every asker gets its part of the one answer.

    fetch: answers keys in their order, or None where it cannot; it does not raise.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._asked: dict[str, None] = {}
        self._askers: list[Asker] = []
        self._sending: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<BatchedReads asked={len(self._asked)} sending={len(self._sending)}>"

    async def ask(self, keys: Sequence[str]) -> Answers | None:
        """Return what the keys hold, all at one moment, among other askers' keys; None where nobody can say."""
        # A future for each asker: the cancellation of one must not take the answer from the others.
        asker: asyncio.Future[Answers | None] = asyncio.get_running_loop().create_future()
        self._collect(keys, partial(_settle, asker))
        return await asker

    def ask_then(self, keys: Sequence[str], asker: Asker) -> None:
        """Call `asker` in a later turn of the event loop with what `ask` returns. It must not raise. No task."""
        # What it starts is its own asker's: the answer comes in the context of whoever asked first in that turn.
        context = copy_context()
        self._collect(keys, lambda answers: context.run(asker, answers))

    def _collect(self, keys: Sequence[str], asker: Asker) -> None:
        if not self._askers:
            asyncio.get_running_loop().call_soon(self._send)
        elif len(self._asked) + len(keys) > _KEYS_MAX:
            self._send()
            asyncio.get_running_loop().call_soon(self._send)
        self._askers.append(asker)
        for key in keys:
            self._asked[key] = None

    def _send(self) -> None:
        if not self._askers:
            return  # a full batch went before its turn
        asked, self._asked = list(self._asked), {}
        askers, self._askers = self._askers, []
        task = asyncio.create_task(self._answer(asked, askers))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _answer(self, keys: list[str], askers: list[Asker]) -> None:
        answers: Answers | None = None
        try:
            held = await self._fetch(keys)
            if held is not None:
                answers = dict(zip(keys, held, strict=True))
        finally:
            # Also where this task is cancelled, or another asker fails: nobody must wait for ever.
            for asker in askers:
                try:
                    asker(answers)
                except Exception:
                    _log.exception("a reader of redis failed")


def _settle(asker: asyncio.Future[Answers | None], answers: Answers | None) -> None:
    if not asker.done():
        asker.set_result(answers)
