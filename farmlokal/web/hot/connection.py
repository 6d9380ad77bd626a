"""The connection of the hot path: aiohttp's own, before which the hot path has its try at each request.

Here it answers from memory; `look_up.py` adds what lies beyond. What a connection is doing stands in `states.py`.
"""

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.streams import EMPTY_PAYLOAD

from farmlokal.web.edge.aiohttp_adapter import Connection, body_has_ended
from farmlokal.web.edge.connection import ProblemConnection
from farmlokal.web.edge.handed_over import HandedOver
from farmlokal.web.hot.outbox import Answer
from farmlokal.web.hot.path import HotPath
from farmlokal.web.hot.request import HotRequest, own_fields_of
from farmlokal.web.hot.states import NEXT, Event, State

_HEAD_END = b"\r\n\r\n"
# An enum's member takes as long to find as a page in memory.
_IDLE = State.IDLE


class HotConnection(ProblemConnection):
    """Answers what arrives while the connection is idle, and is a page of the listing that memory holds.

    hot: makes the answers. state: changed by `after` alone.
    _at_boundary: that the parser has seen no part of a message that is not finished: the next bytes begin one.
    _client: of the rate limit, by the address.
    """

    __slots__ = ("_at_boundary", "_client", "hot", "state")

    def __init__(self, *args: Any, hot: HotPath, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.state = State.IDLE
        self.hot = hot
        self._at_boundary = True
        self._client: str | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.state}>"

    @property
    def gone(self) -> bool:
        """Whether no client is left to be answered."""
        return self.transport is None or self.transport.is_closing()

    def after(self, event: Event) -> None:
        """Enter the state that `event` leads to. Called when all that it takes is done."""
        self.state = NEXT[self.state][event]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and learn which client the rate limit counts requests for."""
        super().connection_made(transport)
        self._client = self.hot.client_at(self.peername)

    def data_received(self, data: bytes) -> None:
        """Answer what arrived, or do with it what aiohttp does."""
        if self.state is not _IDLE:
            self.catch_up()
        if self.state is _IDLE and not self.writing_paused and self.hot.serving:
            self._try(data)
        else:
            # Requests queue up behind the one that is being answered, or the client reads nothing, or this is the end.
            self._at_boundary = False
            self.hot.outbox.flush()
            super().data_received(data)
            self._leave_what_is_queued()

    def stay_half_open(self) -> bool:
        """Whether there is something that the client may still wait for, besides what is written now."""
        self.hot.outbox.flush()
        return super().stay_half_open()

    def cut_off(self) -> None:
        """End a head that takes too long."""
        super().cut_off()
        self._leave_what_is_queued()

    def close(self) -> None:
        """Take no more requests."""
        self.hot.outbox.flush()
        super().close()
        if self.state is State.IDLE:
            self.after(Event.ENDED)

    def force_close(self) -> None:
        """End, whatever is under way; what is answered is sent."""
        self.hot.outbox.flush()
        super().force_close()
        self.after(Event.ENDED)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send a handler's answer. From then on the next request may be answered, although the task is not back yet.

        Under load the next one is always there before the task.
        """
        sent, reset = await super().finish_response(request, resp, start_time)
        stays_open = not reset and bool(sent.keep_alive) and not (self.closing or self.force_closed)
        if stays_open and body_has_ended(request) and not self.upgraded:
            self.after(Event.ANSWERED_FIRST if self.queue else Event.ANSWERED)
        return sent, reset

    def send(self, answer: Answer) -> None:
        """Send an answer; the connection is idle from now on."""
        if self.transport is not None:
            self.hot.outbox.put(self.transport, answer)
            self.idle_until = self.loop.time() + self.idle_max_s
            if self.idle_timer is None:
                # It ran out during a look-up, when there was nothing for it to close.
                self.start_idle_timer()

    def catch_up(self) -> None:
        """Before more is parsed: see whether aiohttp's task has come back to waiting."""
        if self.waiter is not None and not self.waiter.done():
            # Not to be seen from its last answer, after which more of the request was still to be read.
            self.after(Event.TASK_WAITS)

    def go_on(self, request: HotRequest) -> None:
        """Have the first message answered, to which memory has no answer: by the handlers."""
        self.hand_over(request, self.waiter)

    def look_unparsed(self, request: HotRequest, data: bytes) -> bool:
        """Look `request` up beyond memory, which `data` is known to ask for. Returns False where that is not done."""
        return False

    def hand_over(self, request: HotRequest, waiter: asyncio.Future[None] | None) -> None:
        """Have the handlers answer the first message, which is that of `request`. waiter: that wakes aiohttp's task."""
        message, _ = self.queue[0]
        self.handed_over = HandedOver(message, request.verdict, request.error, request.started_s)
        self.waiter = waiter
        self._wake_task()
        self.after(Event.HANDED_OVER)

    def _try(self, data: bytes) -> None:
        request = None
        known = self.hot.heads.find(data) if self._at_boundary else None
        if known is not None:
            request = self.hot.begin(*known, self.peername, self._client)
            if self._answered(request) or self.look_unparsed(request, data):
                return
        # To parse and to look up takes ten times as long as an answer from memory: those that are there go first.
        self.hot.outbox.flush()
        waiter = self.waiter
        self.waiter = None
        try:
            Connection.data_received(self, data)
        finally:
            # Also when that failed: closing the connection then ends the task that waits.
            self.waiter = waiter
        if not self.queue:
            self._at_boundary = False
            self.time_head(data)
            return
        if self.slow_head is not None:
            self.end_head()
        if request is not None:
            self.go_on(request)
        else:
            self._take_first(data)

    def _take_first(self, data: bytes) -> None:
        """Answer the first message that `data` brought, if it came alone and is for us; else wake aiohttp for it."""
        message, body = self.queue[0]
        began_one = self._at_boundary
        alone = len(self.queue) == 1 and body is EMPTY_PAYLOAD and not self.upgraded
        self._at_boundary = alone and data.endswith(_HEAD_END)
        head = self.hot.read(message) if alone else None
        if head is None:
            self._wake_task()
            self.after(Event.LEFT)
            return
        own = own_fields_of(message.headers)
        if began_one and self._at_boundary:
            self.hot.heads.keep(data, head, own)
        request = self.hot.begin(head, own, self.peername, self._client)
        if self._answered(request):
            self.drop_first()
        else:
            self.go_on(request)

    def _answered(self, request: HotRequest) -> bool:
        answer = self.hot.answer(request)
        if answer is None:
            return False
        self.send(answer)
        return True

    def _leave_what_is_queued(self) -> None:
        if self.queue and self.state is State.IDLE:
            self.after(Event.LEFT)

    def _wake_task(self) -> None:
        """Have aiohttp's task take the first message, unless it is on its way to look for one anyhow."""
        # It may be there before the outbox's own turn, and write.
        self.hot.outbox.flush()
        # One that is done was cancelled with its task.
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)
