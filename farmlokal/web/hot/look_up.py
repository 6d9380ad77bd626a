"""Answers from beyond memory, given below aiohttp's handlers while its task is kept waiting.

That task waits for `_waiter` until `_messages` has something. While an answer is looked up `_waiter` is taken away, so
that nothing wakes the task; then either the message is answered and gone, or the waiter is given back and set, and
aiohttp goes on as if nothing had been.
"""

import asyncio
from functools import partial
from typing import Any

from farmlokal.web.edge.connection import ProblemRequestHandler
from farmlokal.web.edge.handed_over import PassedOn
from farmlokal.web.hot.path import HotPath
from farmlokal.web.hot.request import Turn

# Of the event loop, in which aiohttp's task is back from an answer: it takes one.
_TURNS_MAX = 8


class LookUpRequestHandler(ProblemRequestHandler):
    """Has the first message of its queue answered by Redis or the origin, or else by the handlers.

    between: that no request is queued or being answered although aiohttp's task does not wait yet: it has not begun, or
    is on its way back from an answer. Under load the next request is always there before it.
    _held: a message that is kept from aiohttp's task until that waits, for it would take it as soon as it is back.
    _looking: the task of a look-up that takes one.
    """

    __slots__ = ("_held", "_hot", "_looking", "between")

    def __init__(self, *args: Any, hot: HotPath, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hot = hot
        self.between = True
        self._looking: asyncio.Task[None] | None = None
        self._held: tuple[Any, Turn] | None = None

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - as in aiohttp
        """End, after the request under way; a look-up that takes longer than `timeout` is given up, as a handler is."""
        try:
            await super().shutdown(timeout)
        finally:
            if self._looking is not None:
                self._looking.cancel()

    def close(self) -> None:
        """Take no more requests; one that is held came before."""
        self.give_back_held()
        self._hot.outbox.flush()
        super().close()

    def force_close(self) -> None:
        """End, whatever is under way; what is answered is sent."""
        self._hot.outbox.flush()
        super().force_close()

    def send(self, answer: bytes) -> None:
        """Send an answer; the connection is idle from now on."""
        if self.transport is not None:
            self._hot.outbox.put(self.transport, answer)
            self._next_keepalive_close_time = idle_until = self._loop.time() + self._keepalive_timeout
            if self._keepalive_handle is None:
                # It ran out during a look-up, when there was nothing for it to close.
                self._keepalive_handle = self._loop.call_at(idle_until, self._process_keepalive)

    def forget_first(self) -> None:
        """Take the first message off the queue: it is answered."""
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()

    def wake(self, waiter: asyncio.Future[None] | None) -> None:
        """Have aiohttp's task take the first message, unless it is on its way to look for one anyhow."""
        # It may be there before the outbox's own turn, and write.
        self._hot.outbox.flush()
        if waiter is not None:
            waiter.set_result(None)

    def go_on(self, turn: Turn, waiter: asyncio.Future[None] | None) -> None:
        """Have the first message answered from beyond memory; or by the handlers, where that is settled.

        waiter: of aiohttp's task; None where it does not wait yet.
        """
        if turn.refused or turn.error is not None:
            self._pass_on(turn, waiter)
            return
        # As aiohttp marks a request that a shutdown has to wait for.
        self._request_in_progress = True
        if waiter is None:
            self._held = self._messages.popleft(), turn
            self._loop.call_soon(self._give_back, _TURNS_MAX)
        else:
            self._look(turn, waiter)

    def give_back_held(self) -> None:
        """Before more is parsed: no message may overtake the one that is held."""
        self._give_back(0)

    def _give_back(self, turns: int) -> None:
        """Go on with the held message, once aiohttp's task waits. turns: of the event loop, that it may still take."""
        if self._held is None:
            return
        waiter = self._waiter
        if waiter is None and turns and not self._gone:
            self._loop.call_soon(self._give_back, turns - 1)
            return
        message, turn = self._held
        self._held = None
        if self._gone:
            self._end_progress()
            return
        self._messages.appendleft(message)
        if waiter is None:
            # Queued as aiohttp's own are: it is the task that marks it as in progress, unless it ends before.
            self._end_progress()
            self._pass_on(turn, None)
        else:
            self._look(turn, waiter)

    def _look(self, turn: Turn, waiter: asyncio.Future[None]) -> None:
        """Look the first message up. What arrives meanwhile queues up behind."""
        self._waiter = None
        if not self._hot.look_soon(turn, partial(self._found, turn, waiter)):
            self._start_look_up(turn, waiter, looked=False)

    def _found(self, turn: Turn, waiter: asyncio.Future[None], answer: bytes | None) -> None:
        if answer is None and turn.error is None and self._hot.serving and not self._gone:
            self._start_look_up(turn, waiter, looked=True)
        else:
            self._finish(turn, waiter, answer)

    def _start_look_up(self, turn: Turn, waiter: asyncio.Future[None], *, looked: bool) -> None:
        self._looking = self._loop.create_task(self._look_up(turn, waiter, looked=looked))

    async def _look_up(self, turn: Turn, waiter: asyncio.Future[None], *, looked: bool) -> None:
        """Look the first message up where that takes longer. looked: that Redis was asked just now."""
        try:
            answer = await self._hot.look_up(turn, looked=looked)
        except asyncio.CancelledError:
            # As aiohttp does when a handler is cancelled: who waits for an answer is not left waiting.
            waiter.cancel()
            self.force_close()
            self._end_progress()
            raise
        finally:
            self._looking = None
        self._finish(turn, waiter, answer)

    def _finish(self, turn: Turn, waiter: asyncio.Future[None], answer: bytes | None) -> None:
        """Give the answer that was found; where there is none, have the handlers give theirs."""
        if self._gone:
            waiter.cancel()
        elif answer is None:
            # Stays in progress: a shutdown goes on waiting for it, and the handlers mark its end.
            self._pass_on(turn, waiter)
            return
        else:
            self.forget_first()
            self.send(answer)
            self._wait_again(waiter)
        self._end_progress()

    @property
    def _gone(self) -> bool:
        """Whether there is nobody left to be answered."""
        return self.transport is None or self.transport.is_closing()

    def _end_progress(self) -> None:
        """Mark the end of the request, for a shutdown that waits for it."""
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)

    def _pass_on(self, turn: Turn, waiter: asyncio.Future[None] | None) -> None:
        """Have aiohttp take the first message, which is that of `turn`."""
        message, _ = self._messages[0]
        self.between = False
        self.passed_on = PassedOn(message, turn.verdict, turn.error, turn.started)
        self._waiter = waiter
        self.wake(waiter)

    def _wait_again(self, waiter: asyncio.Future[None]) -> None:
        """Be as aiohttp is after an answer: at the next message, waiting for one, or at the end."""
        if self._close or self._force_close:
            waiter.cancel()
            return
        self._waiter = waiter
        if self._messages:
            waiter.set_result(None)
