"""The connection handler of the hot path: aiohttp's own, before which the hot path has its try at each request."""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import RequestHandler

from farmlokal.web.hot.look_up import LookUpRequestHandler
from farmlokal.web.hot.request import Turn

_HEAD_END = b"\r\n\r\n"


class HotRequestHandler(LookUpRequestHandler):
    """Answers what arrives while the connection waits for a request, and is a page of the listing.

    _whole: that the parser has seen no part of a message that is not finished, so that the next bytes begin one.
    _client: of the rate limit, by the address.
    """

    __slots__ = ("_client", "_whole")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._client: str | None = None
        self._whole = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        super().connection_made(transport)
        self._client = self._hot.client_at(self.peername)

    def data_received(self, data: bytes) -> None:
        """Take what arrived: answer it, or do with it what aiohttp does."""
        if self._held is not None:
            self.give_back_held()
        waiter = self._waiter
        if (
            not (self.between if waiter is None else not waiter.done())
            or self._messages
            or self._paused
            or self._close
            or self._force_close
            or not self._hot.serving
        ):
            # Requests queue up behind the one that is being answered, or nobody reads the answers, or this is the end.
            self._whole = False
            self._hot.outbox.flush()
            super().data_received(data)
        else:
            self._try(data, waiter)
        if self._messages:
            self.between = False

    def cut_off(self) -> None:
        """End a head that takes too long."""
        super().cut_off()
        self.between = False

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a handler's answer. From then on the next request may be answered, although the task is not back yet."""
        sent, reset = await super().finish_response(request, resp, start_time)
        done = not reset and bool(sent.keep_alive) and request._payload.is_eof()
        self.between = done and not self._messages and not self._upgraded
        return sent, reset

    def _try(self, data: bytes, waiter: asyncio.Future[None] | None) -> None:
        turn = None
        head = self._hot.remembered(data) if self._whole else None
        if head is not None:
            turn = self._hot.turn(head, self.peername, self._client)
            if self._answered(turn):
                return
        parsed = self._request_count
        # While bytes are parsed nothing may wake aiohttp's task; see hot_look_up.
        self._waiter = None
        try:
            RequestHandler.data_received(self, data)
        finally:
            # Also when that failed: who closes the connection then ends the task that waits.
            self._waiter = waiter
        if not self._messages:
            self._whole = False
        elif turn is not None:
            self.go_on(turn, waiter)
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
            self.wake(waiter)
            return
        if was_whole and self._whole:
            self._hot.remember(data, head)
        turn = self._hot.turn(head, self.peername, self._client)
        if self._answered(turn):
            self.forget_first()
        else:
            self.go_on(turn, waiter)

    def _answered(self, turn: Turn) -> bool:
        answer = self._hot.answer(turn)
        if answer is None:
            return False
        self.send(answer)
        return True
