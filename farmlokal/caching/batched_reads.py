"""Reads that are asked for in one turn of the event loop, sent as one MGET."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from farmlokal.caching.entry import Entry

# What each key holds. An asker that decodes an entry leaves it here for the others of its batch.
Answers = dict[str, bytes | Entry | None]
Fetch = Callable[[list[str]], Awaitable[list[bytes | None] | None]]

# More than this in one MGET would hold up Redis, and everybody who waits for it, for milliseconds.
_KEYS_MAX = 256


class BatchedReads:
    """Collects keys until the event loop's next turn; every asker waits for the one answer.

    fetch: answers keys in their order, or None where it cannot; it does not raise.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._asked: dict[str, None] = {}
        # A future for each asker: the cancellation of one must not take the answer from the others.
        self._askers: list[asyncio.Future[Answers | None]] = []
        self._sending: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<BatchedReads asked={len(self._asked)} sending={len(self._sending)}>"

    async def ask(self, keys: Sequence[str]) -> Answers | None:
        """What the keys hold, all at one moment, among other askers' keys; None where nobody can say."""
        loop = asyncio.get_running_loop()
        if not self._askers:
            loop.call_soon(self._send)
        elif len(self._asked) + len(keys) > _KEYS_MAX:
            self._send()
            loop.call_soon(self._send)
        asker: asyncio.Future[Answers | None] = loop.create_future()
        self._askers.append(asker)
        self._asked.update(dict.fromkeys(keys))
        return await asker

    def _send(self) -> None:
        if not self._askers:
            return  # a full batch went before its turn
        asked, self._asked = list(self._asked), {}
        askers, self._askers = self._askers, []
        task = asyncio.create_task(self._answer(asked, askers))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _answer(self, keys: list[str], askers: list[asyncio.Future[Answers | None]]) -> None:
        answers: Answers | None = None
        try:
            held = await self._fetch(keys)
            if held is not None:
                answers = dict(zip(keys, held, strict=True))
        finally:
            # Also where this task is cancelled: nobody must wait for ever.
            for asker in askers:
                if not asker.done():
                    asker.set_result(answers)
