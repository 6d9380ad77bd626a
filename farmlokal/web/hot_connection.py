"""The connection handler of the hot path: aiohttp's own, before which the hot path has its try at each request.

aiohttp's handler is a task that waits for `_waiter` until `_messages` has something. While bytes are parsed, and while
an answer is looked up, `_waiter` is taken away, so that nothing wakes the task; then either the message is answered and
gone, or the waiter is given back and set, and aiohttp goes on as if nothing had been.
"""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler

from farmlokal.web.hot_path import HotPath, Turn
from farmlokal.web.passed_on import PassedOn
from farmlokal.web.protocol import ProblemRequestHandler

_HEAD_END = b"\r\n\r\n"


class HotRequestHandler(ProblemRequestHandler):
    """Answers what arrives while the connection waits for a request, and is a page of the listing.

    _whole: that the parser has seen no part of a message that is not finished, so that the next bytes begin one.
    _between: that no request is queued or being answered although aiohttp's task does not wait yet: it has not begun,
    or is on its way back from an answer. Under load the next request is always there before it.
    _client: of the rate limit, by the address.
    """

    __slots__ = ("_between", "_client", "_hot", "_looking", "_whole")

    def __init__(self, *args: Any, hot: HotPath, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hot = hot
        self._client: str | None = None
        self._whole = True
        self._between = True
        self._looking: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self._client = self._hot.client_at(self.peername)

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - as in aiohttp
        """End, after the request under way; a look-up that takes longer than `timeout` is given up, as a handler is."""
        try:
            await super().shutdown(timeout)
        finally:
            if self._looking is not None:
                self._looking.cancel()

    def data_received(self, data: bytes) -> None:
        """Take what arrived: answer it, or do with it what aiohttp does."""
        waiter = self._waiter
        if (
            not (self._between if waiter is None else not waiter.done())
            or self._messages
            or self._paused
            or self._close
            or self._force_close
            or not self._hot.serving
        ):
            # Requests queue up behind the one that is being answered, or nobody reads the answers, or this is the end.
            self._whole = False
            super().data_received(data)
        else:
            self._try(data, waiter)
        if self._messages:
            self._between = False

    def cut_off(self) -> None:
        """End a head that takes too long."""
        super().cut_off()
        self._between = False

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a handler's answer. From then on the next request may be answered, although the task is not back yet."""
        sent, reset = await super().finish_response(request, resp, start_time)
        done = not reset and bool(sent.keep_alive) and request._payload.is_eof()
        self._between = done and not self._messages and not self._upgraded
        return sent, reset

    def _try(self, data: bytes, waiter: asyncio.Future[None] | None) -> None:
        turn = None
        head = self._hot.remembered(data) if self._whole else None
        if head is not None:
            turn = self._hot.turn(head, self.peername, self._client)
            if self._answered(turn):
                return
        parsed = self._request_count
        self._waiter = None
        try:
            RequestHandler.data_received(self, data)
        finally:
            # Also when that failed: who closes the connection then ends the task that waits.
            self._waiter = waiter
        if not self._messages:
            self._whole = False
        elif turn is not None:
            self._go_on(turn, waiter)
        else:
            self._take_first(data, waiter)
        self.watch_head(data, parsed)

    def _take_first(self, data: bytes, waiter: asyncio.Future[None] | None) -> None:
        """Answer the first message that `data` brought, if it came alone and is for us; else wake aiohttp for it."""
        message, payload = self._messages[0]
        was_whole = self._whole
        alone = len(self._messages) == 1 and payload is EMPTY_PAYLOAD and not self._upgraded
        self._whole = alone and data.endswith(_HEAD_END)
        head = self._hot.read(message) if alone else None
        if head is None:
            _wake(waiter)
            return
        if was_whole and self._whole:
            self._hot.remember(data, head)
        turn = self._hot.turn(head, self.peername, self._client)
        if self._answered(turn):
            self._forget_first()
        else:
            self._go_on(turn, waiter)

    def _answered(self, turn: Turn) -> bool:
        answer = self._hot.answer(turn)
        if answer is None:
            return False
        self._send(answer)
        return True

    def _go_on(self, turn: Turn, waiter: asyncio.Future[None] | None) -> None:
        """Have the first message answered from beyond memory, in a task; or by the handlers, where that is settled.

        They also take it where aiohttp's task does not wait: then it could not be kept from taking the next one.
        """
        if waiter is None or turn.refused or turn.error is not None:
            self._pass_on(turn, waiter)
            return
        # As aiohttp marks a request that a shutdown has to wait for.
        self._request_in_progress = True
        self._waiter = None
        self._looking = self._loop.create_task(self._look_up(turn, waiter))

    async def _look_up(self, turn: Turn, waiter: asyncio.Future[None]) -> None:
        """Answer from beyond memory; what arrives meanwhile queues up behind."""
        try:
            answer = await self._hot.look_up(turn)
        except asyncio.CancelledError:
            # As aiohttp does when a handler is cancelled: who waits for an answer is not left waiting.
            waiter.cancel()
            self.force_close()
            self._end_progress()
            raise
        finally:
            self._looking = None
        if self.transport is None or self.transport.is_closing():
            waiter.cancel()
        elif answer is None:
            # Stays in progress: a shutdown goes on waiting for it, and the handlers mark its end.
            self._pass_on(turn, waiter)
            return
        else:
            self._forget_first()
            self._send(answer)
            self._wait_again(waiter)
        self._end_progress()

    def _end_progress(self) -> None:
        """Mark the end of the request, for a shutdown that waits for it."""
        self._request_in_progress = False
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)

    def _pass_on(self, turn: Turn, waiter: asyncio.Future[None] | None) -> None:
        """Have aiohttp take the first message, which is that of `turn`."""
        message, _ = self._messages[0]
        self._between = False
        self.passed_on = PassedOn(message, turn.verdict, turn.error)
        self._waiter = waiter
        _wake(waiter)

    def _wait_again(self, waiter: asyncio.Future[None]) -> None:
        """Be as aiohttp is after an answer: at the next message, waiting for one, or at the end."""
        if self._close or self._force_close:
            waiter.cancel()
            return
        self._waiter = waiter
        if self._messages:
            waiter.set_result(None)

    def _forget_first(self) -> None:
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()

    def _send(self, answer: bytes) -> None:
        if self.transport is not None:
            self.transport.write(answer)
            self._next_keepalive_close_time = idle_until = self._loop.time() + self._keepalive_timeout
            if self._keepalive_handle is None:
                # It ran out during a look-up, when there was nothing for it to close.
                self._keepalive_handle = self._loop.call_at(idle_until, self._process_keepalive)


def _wake(waiter: asyncio.Future[None] | None) -> None:
    """Have aiohttp's task take the first message, unless it is on its way to look for one anyhow."""
    if waiter is not None:
        waiter.set_result(None)
