"""Answers from beyond memory, given below aiohttp's handlers while its task is kept waiting.

That task waits for `waiter` until the queue has something. While a page is looked up `waiter` is taken away, so that
nothing wakes the task; then either the message is answered and gone, or the waiter is given back and set, and aiohttp
goes on as if nothing had been.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from typing import Any

from farmlokal.web.edge.aiohttp_adapter import Connection
from farmlokal.web.hot.connection import HotConnection
from farmlokal.web.hot.outbox import Answer
from farmlokal.web.hot.request import HotRequest
from farmlokal.web.hot.states import Event

# Of the event loop, in which aiohttp's task is back from an answer: it takes one.
_TURNS_MAX = 8
# Look-ups that begin in a turn of the event loop. Each takes some tenths of a millisecond in the turns that follow, and
# the origin loads about as many at once: more would only keep the answers from memory waiting.
_BEGIN_IN_A_TURN = 8


class LookUpTurns:
    """Lets look-ups begin, in the order in which they come and a few in each turn of the event loop.

    A process whose memory is empty, or a crowd that is let in, brings hundreds of them in one turn.
    """

    __slots__ = ("_begun", "_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._begun = 0
        self._waiting: deque[Callable[[], object]] = deque()

    def __repr__(self) -> str:
        return f"<LookUpTurns waiting={len(self._waiting)}>"

    def put(self, begin: Callable[[], object]) -> None:
        """Have `begin`, which must not raise, called in this turn or a later one; in the context of this call."""
        if self._begun == _BEGIN_IN_A_TURN:
            self._waiting.append(partial(copy_context().run, begin))
            return
        if not self._begun:
            self._loop.call_soon(self._next_turn)
        self._begun += 1
        begin()

    def _next_turn(self) -> None:
        self._begun = min(_BEGIN_IN_A_TURN, len(self._waiting))
        if self._begun:
            self._loop.call_soon(self._next_turn)
        for _ in range(self._begun):
            self._waiting.popleft()()


class LookUpConnection(HotConnection):
    """Has the first message of its queue answered by Redis or the origin, or else by the handlers.

    _turns: of those that take a task. _held: while HELD, the message that is kept from aiohttp's task, and its request.
    _looking: while LOOKING, the task of a look-up that takes one.
    _unparsed: while LOOKING, a head that is known, and that the parser has not seen: where Redis has the answer, nobody
    needs the message, and parsing takes a tenth of a Redis hit.
    """

    __slots__ = ("_held", "_looking", "_turns", "_unparsed")

    def __init__(self, *args: Any, turns: LookUpTurns, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._turns = turns
        self._held: tuple[Any, HotRequest] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._unparsed: bytes | None = None

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - as in aiohttp
        """End, after the request under way; a look-up that takes longer than `timeout` is given up, as a handler is."""
        self._parse_now()
        try:
            await super().shutdown(timeout)
        finally:
            if self._looking is not None:
                self._looking.cancel()

    def close(self) -> None:
        """Take no more requests; one that is held came before."""
        self._parse_now()
        self.give_back()
        super().close()

    def catch_up(self) -> None:
        """Before more is parsed: go on with what is held, which no message may overtake."""
        self._parse_now()
        if self._held is not None:
            self.give_back()
        else:
            super().catch_up()

    def go_on(self, request: HotRequest) -> None:
        """Have the first message answered from beyond memory; or by the handlers, where that is settled."""
        if request.refused or request.error is not None:
            super().go_on(request)
            return
        # As aiohttp marks a request that a shutdown has to wait for.
        self.in_progress = True
        if self.waiter is None:
            self._hold(request)
        else:
            self._look(request, self.waiter)

    def look_unparsed(self, request: HotRequest, data: bytes) -> bool:
        """Ask Redis. Nothing has come of the message yet: no aiohttp's task can be at it."""
        waiter = self.waiter
        if request.refused or request.error is not None or waiter is None or waiter.done():
            return False
        if not self.hot.look_then(request, partial(self._found, request, waiter)):
            return False
        self.in_progress = True
        self.waiter = None
        self._unparsed = data
        self.after(Event.LOOKED_UP)
        return True

    def _parse_now(self) -> None:
        """Have the parser see what it has not seen: somebody needs the message, or more is to come behind it."""
        data, self._unparsed = self._unparsed, None
        if data is not None and not self.gone:
            Connection.data_received(self, data)

    def give_back(self, turns: int = 0) -> None:
        """Go on with the message that is held, if there is one, once aiohttp's task waits.

        turns: of the event loop, that the task may still need; with 0 the message goes on now.
        """
        if self._held is None:
            return
        waiter = self.waiter
        if waiter is None and turns and not self.gone:
            self.loop.call_soon(self.give_back, turns - 1)
            return
        message, request = self._held
        self._held = None
        if self.gone:
            self.end_progress()
            self.after(Event.ENDED)
            return
        self.queue.appendleft(message)
        if waiter is None:
            # Queued as aiohttp's own are: it is the task that marks it as in progress, unless it ends before.
            self.end_progress()
            self.hand_over(request, None)
        else:
            self._look(request, waiter)

    def _hold(self, request: HotRequest) -> None:
        """Keep the first message from aiohttp's task until that waits.

        uvloop reads as soon as it has accepted: on Python 3.11, where a task does not begin at once, the first request
        is there before the task. Where memory has no page for it, it would go to the handlers: 98 % of the requests of
        clients with a connection for each request did, at 1.5 times the processor time (360 µs for a page from Redis
        and its connection, 240 µs when held); with ten requests a connection 16 %, and 1.08 times.
        """
        self._held = self.queue.popleft(), request
        self.loop.call_soon(self.give_back, _TURNS_MAX)
        self.after(Event.HELD_BACK)

    def _look(self, request: HotRequest, waiter: asyncio.Future[None]) -> None:
        """Look the first message up. What arrives meanwhile queues up behind."""
        self.waiter = None
        if not self.hot.look_then(request, partial(self._found, request, waiter)):
            self._turns.put(partial(self._start_look_up, request, waiter, looked=False))
        self.after(Event.LOOKED_UP)

    def _found(self, request: HotRequest, waiter: asyncio.Future[None], answer: Answer | None) -> None:
        if answer is None:
            self._parse_now()
        if answer is None and request.error is None and self.hot.serving and not self.gone:
            self._turns.put(partial(self._start_look_up, request, waiter, looked=True))
        else:
            self._finish(request, waiter, answer)

    def _start_look_up(self, request: HotRequest, waiter: asyncio.Future[None], *, looked: bool) -> None:
        if self.gone:  # while it waited for its turn
            self._finish(request, waiter, None)
            return
        self._looking = self.loop.create_task(self._look_up(request, waiter, looked=looked))

    async def _look_up(self, request: HotRequest, waiter: asyncio.Future[None], *, looked: bool) -> None:
        """Look the first message up where that takes longer. looked: that Redis was asked just now."""
        try:
            answer = await self.hot.look_up(request, looked=looked)
        except asyncio.CancelledError:
            # As aiohttp does when a handler is cancelled: a client that waits for an answer is not left waiting.
            waiter.cancel()
            self.force_close()
            self.end_progress()
            raise
        finally:
            self._looking = None
        self._finish(request, waiter, answer)

    def _finish(self, request: HotRequest, waiter: asyncio.Future[None], answer: Answer | None) -> None:
        """Give the answer that was found; where there is none, have the handlers give theirs."""
        if self.gone:
            waiter.cancel()
            self.after(Event.ENDED)
        elif answer is None:
            # Stays in progress: a shutdown goes on waiting for it, and the handlers mark its end.
            self.hand_over(request, waiter)
            return
        else:
            if self._unparsed is None:
                self.drop_first()
            self._unparsed = None
            self.send(answer)
            if self.half_closed and not self.queue:
                self.force_close()
            self._wait_again(waiter)
        self.end_progress()

    def _wait_again(self, waiter: asyncio.Future[None]) -> None:
        """Be as aiohttp is after an answer: at the next message, waiting for one, or at the end."""
        if self.closing or self.force_closed:
            waiter.cancel()
            self.after(Event.ENDED)
            return
        self.waiter = waiter
        if self.queue:
            waiter.set_result(None)
        self.after(Event.ANSWERED_FIRST if self.queue else Event.ANSWERED)
