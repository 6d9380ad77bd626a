"""The connection handler of the hot path: aiohttp's own, before which the hot path has its try at each request.

aiohttp's handler is a task that waits for `_waiter` until `_messages` has something. While the hot path looks at a
request, `_waiter` is taken away, so that nothing wakes the task; then either the message is answered and gone, or the
waiter is given back and set, and aiohttp goes on as if nothing had been.
"""

import asyncio
from typing import Any

from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler

from farmlokal.web.hot_path import HotPath, Turn
from farmlokal.web.protocol import ProblemRequestHandler

_HEAD_END = b"\r\n\r\n"


class HotRequestHandler(ProblemRequestHandler):
    """Answers what arrives while the connection waits for a request, and is a page of the listing.

    _whole: that the parser has seen no part of a message that is not finished, so that the next bytes begin one.
    """

    __slots__ = ("_hot", "_looking", "_whole")

    def __init__(self, *args: Any, hot: HotPath, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hot = hot
        self._whole = True
        self._looking: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        """Take what arrived: answer it, or do with it what aiohttp does."""
        waiter = self._waiter
        if (
            waiter is None
            or waiter.done()
            or self._messages
            or self._paused
            or self._close
            or self._force_close
            or not self._hot.serving
        ):
            # Requests queue up behind the one that is being answered, or nobody reads the answers, or this is the end.
            self._whole = False
            super().data_received(data)
            return
        turn = None
        head = self._hot.remembered(data) if self._whole else None
        if head is not None:
            turn = self._hot.turn(head, self.peername)
            if self._answered(turn):
                return
        parsed = self._request_count
        self._waiter = None
        RequestHandler.data_received(self, data)
        if not self._messages:
            self._whole = False
            self._waiter = waiter
        elif turn is not None:
            self._pass_on(turn, waiter)
        else:
            self._take_first(data, waiter)
        self.watch_head(data, parsed)

    def _take_first(self, data: bytes, waiter: asyncio.Future[None]) -> None:
        """Answer the first message that `data` brought, if it came alone and is for us; else wake aiohttp for it."""
        message, payload = self._messages[0]
        was_whole = self._whole
        alone = len(self._messages) == 1 and payload is EMPTY_PAYLOAD and not self._upgraded
        self._whole = alone and data.endswith(_HEAD_END)
        head = self._hot.read(message) if alone else None
        if head is None:
            self._wake(waiter)
            return
        if was_whole and self._whole:
            self._hot.remember(data, head)
        turn = self._hot.turn(head, self.peername)
        if self._answered(turn):
            self._forget_first()
            self._waiter = waiter
        else:
            self._pass_on(turn, waiter)

    def _answered(self, turn: Turn) -> bool:
        answer = self._hot.answer(turn)
        if answer is None:
            return False
        self._send(answer)
        return True

    def _pass_on(self, turn: Turn, waiter: asyncio.Future[None]) -> None:
        """Have the first message answered from beyond memory, in a task; or, refused, by the handlers."""
        if turn.refused:
            self.verdict = turn.verdict
            self._wake(waiter)
            return
        # As aiohttp marks a request that a shutdown has to wait for.
        self._request_in_progress = True
        self._looking = self._loop.create_task(self._look_up(turn, waiter))

    async def _look_up(self, turn: Turn, waiter: asyncio.Future[None]) -> None:
        """Answer from beyond memory; what arrives meanwhile queues up behind."""
        answer = None
        try:
            answer = await self._hot.look_up(turn)
        finally:
            self._looking = None
            self._request_in_progress = False
            if answer is None:
                self.verdict = turn.verdict
            else:
                self._forget_first()
                self._send(answer)
            if self._handler_waiter is not None and not self._handler_waiter.done():
                self._handler_waiter.set_result(None)
            if self._close or self._force_close:
                waiter.cancel()
            elif self._messages:
                self._wake(waiter)
            else:
                self._waiter = waiter

    def _wake(self, waiter: asyncio.Future[None]) -> None:
        """Have aiohttp take the first message."""
        self._waiter = waiter
        if not waiter.done():
            waiter.set_result(None)

    def _forget_first(self) -> None:
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()

    def _send(self, answer: bytes) -> None:
        if self.transport is not None:
            self.transport.write(answer)
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
