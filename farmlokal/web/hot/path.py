"""The hot path: pages answered where their request arrives, below routes, middlewares and response objects.

aiohttp's own parser reads the request, and what it reads decides. A page that memory holds is answered at once, without
a task; another one is looked up, in Redis without a task too. Whatever is not a plain question for a page, and whatever
does not end in one, goes the full path. `FARMLOKAL_HOT_PATH=off` leaves this file and the connections that go by it
out; what they assume of aiohttp stands in `assumptions.py`.
"""

import time
from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web

from farmlokal.caching.lookup import Lookup
from farmlokal.caching.value import Value
from farmlokal.telemetry import get_logger, tracing
from farmlokal.telemetry.traceparent import incoming
from farmlokal.web import keys
from farmlokal.web.answers.representation import CODED_FROM_BYTES, not_modified
from farmlokal.web.edge.access_log import AccessLog
from farmlokal.web.edge.caller import new_request_id
from farmlokal.web.edge.lifecycle import Phase
from farmlokal.web.edge.rate_limit import quota_of
from farmlokal.web.hot.outbox import Answer, Outbox
from farmlokal.web.hot.prepared_answer import HeadTemplate, HeadTemplates, PreparedAnswer
from farmlokal.web.hot.request import Head, HotRequest, OwnFields, Readers, RememberedHeads, Variant, read_head
from farmlokal.web.parameters import suggesting, summary
from farmlokal.web.parameters.questions import PATH as LISTING_PATH
from farmlokal.web.parameters.questions import link_header

_log = get_logger(__name__)

_PATHS = (LISTING_PATH, suggesting.PATH, summary.PATH)
# From so many bytes on, a body is written as it is kept: to join it to its head is to copy it into memory that is new
# each time, which took more than half of a hit for 100 products (36 KB). A small one costs less to copy.
_APART_FROM_BYTES = 16_384
# All of one quota.
_QUOTA = quota_of(LISTING_PATH)
# An enum's member takes as long to find as a page in memory.
_READY = Phase.READY


class HotPath:
    """Reads heads and makes answers for the connections of one application.

    outbox: that these go through. heads: those that are known without parsing.
    """

    def __init__(self, app: web.Application, outbox: Outbox) -> None:
        self.outbox = outbox
        self._readers: Readers = {
            LISTING_PATH: app[keys.QUESTIONS].parse,
            suggesting.PATH: app[keys.SUGGESTING].parse,
            summary.PATH: app[keys.SUMMARY_QUESTIONS].parse,
        }
        self._cache = app[keys.CACHE]
        self._common_headers = app[keys.COMMON_HEADERS]
        self._freshness = app[keys.FRESHNESS]
        self._health = app[keys.HEALTH]
        self._clients = app.get(keys.CLIENTS)
        limiter = app.get(keys.LIMITER)
        self._take = limiter.decider(_QUOTA) if limiter is not None and _QUOTA is not None else None
        self._access_log = app.get(keys.ACCESS_LOG)
        self._counts = app[keys.REQUEST_COUNTS]
        self._series = {
            (path, status): self._counts.series(path, "GET", status) for path in _PATHS for status in (200, 304)
        }
        self.heads = RememberedHeads(self._cache.set_aside)
        # What was asked for in words may be understood otherwise from then on.
        app[keys.SEARCH_NAMES].on_change.append(self.heads.clear)
        self._templates = HeadTemplates(self._freshness, app[keys.COMMON_HEADERS])

    def __repr__(self) -> str:
        return f"<HotPath heads={self.heads} serving={self.serving}>"

    @property
    def serving(self) -> bool:
        """Whether this process is simply serving: a draining one closes connections, a tracing one makes spans."""
        return self._health.phase is _READY and not tracing.active

    def read(self, message: Any) -> Head | None:
        """What a parsed head asks for; None for what the full path has to answer."""
        try:
            return read_head(message, self._readers, self._common_headers.cross_origin)
        except Exception:
            _log.exception("hot path failed to read a head")
            return None

    def client_at(self, peername: object) -> str | None:
        """The rate limit's client for requests of this peer that do not identify theirs; None without a limit."""
        return None if self._clients is None else self._clients.client(peername, (), None)

    def begin(self, head: Head, own: OwnFields, peername: object, client: str | None) -> HotRequest:
        """A request whose head was read just now, counted by the rate limit.

        own: what the head says of this request alone. peername: as the transport returns it. client: that it counts
        for where its head identifies no other.
        """
        started_s = time.perf_counter()
        verdict = None
        if self._take is not None and self._clients is not None:
            if client is None or own.places.forwarded_for or head.api_key is not None:
                client = self._clients.client(peername, own.forwarded_for, head.api_key)
            verdict = self._take(client)
        return HotRequest(head, own, verdict, started_s, peername)

    def answer(self, request: HotRequest) -> Answer | None:
        """The whole answer from memory; None where memory has none to give, or the rate limit refuses it."""
        if request.refused:
            return None
        head = request.head
        question = head.page.question
        try:
            lookup = self._cache.peek(question)
            if lookup is None or not lookup.steady:
                return lookup and self._uncached(request, lookup)
            variant = head.variant or _variant(head, lookup.value)
            prepared: PreparedAnswer | None = lookup.value.prepared.get(variant)
            now = time.time()
            if prepared is None or prepared.loaded_at != lookup.loaded_at:
                filling = self._filling(head, variant, lookup, now)
                prepared = lookup.value.prepared[variant] = PreparedAnswer(lookup, *filling, now)
                self._cache.reweigh(question.key)
            elif not prepared.from_s <= now < prepared.until_s:
                prepared.refresh(now, self._freshness.headers(lookup, now))
            return self._finish(request, lookup, prepared.status, prepared.before_id, prepared.after_id, prepared.body)
        except Exception as error:
            request.error = error
            return None

    def look_then(self, request: HotRequest, then: Callable[[Answer | None], object]) -> bool:
        """Call `then` in a later turn of the event loop with the whole answer from Redis; None where that has none.

        Returns False where `then` will not be called, and `look_up` has to find the answer.
        """

        def found(lookup: Lookup | None) -> None:
            answer = None
            try:
                if lookup is not None and self.serving:
                    answer = self._uncached(request, lookup)
            except Exception as error:
                request.error = error
            then(answer)

        try:
            return self._cache.ask_then(request.head.page.question, found)
        except Exception:
            _log.exception("hot path failed to ask redis")
            return False

    async def look_up(self, request: HotRequest, *, looked: bool) -> Answer | None:
        """The whole answer from Redis or from the origin; None where there is none, or none to be given here.

        looked: that `look_then` has found nothing just now. What fails is kept in `request`: the handlers raise it
        again, and one place answers and logs what is wrong. Runs in a task, and so in a context, of its own: log lines
        of the load have the id of their request.
        """
        caller = request.own.caller
        if caller is not None:
            incoming.set(caller)
            structlog.contextvars.bind_contextvars(trace_id=caller.trace_id)
        request.request_id = request.request_id or new_request_id()
        structlog.contextvars.bind_contextvars(request_id=request.request_id)
        question = request.head.page.question
        try:
            lookup = await self._cache.ask(question, looked=looked)
            if not self.serving:
                return None
            return self._uncached(request, lookup)
        except Exception as error:
            request.error = error
            return None

    def _uncached(self, request: HotRequest, lookup: Lookup) -> Answer:
        """An answer that is not kept: a stale one, one from Redis, one of a load."""
        head = request.head
        variant = head.variant or _variant(head, lookup.value)
        template, own, body = self._filling(head, variant, lookup, time.time())
        return self._finish(request, lookup, template.status, *template.filled(own), body)

    def _finish(
        self, request: HotRequest, lookup: Lookup, status: int, before_id: bytes, after_id: bytes, body: bytes
    ) -> Answer:
        """The answer, which is counted as sent. before_id, after_id: of its head, what stands around the request id."""
        request_id = request.request_id or new_request_id()
        seconds = time.perf_counter() - request.started_s
        if self._access_log is not None:
            self._log(self._access_log, request, lookup, status, len(body), request_id, seconds)
        self._series[request.head.path, status].observe(seconds)
        self._counts.hot_path_answers += 1
        limits = b"" if request.verdict is None else request.verdict.lines
        if len(body) >= _APART_FROM_BYTES:
            return b"".join((before_id, request_id.encode(), limits, after_id)), body
        return b"".join((before_id, request_id.encode(), limits, after_id, body))

    def _log(
        self,
        access_log: AccessLog,
        request: HotRequest,
        lookup: Lookup,
        status: int,
        bytes_sent: int,
        request_id: str,
        seconds: float,
    ) -> None:
        head = request.head
        caller = request.own.caller
        with structlog.contextvars.bound_contextvars(**({} if caller is None else {"trace_id": caller.trace_id})):
            access_log.write(
                method="GET",
                route=head.path,
                status=status,
                seconds=seconds,
                request_id=request_id,
                bytes_sent=bytes_sent,
                client=access_log.client(request.peername, request.own.forwarded_for),
                key=head.page.question.key,
                outcome=lookup.outcome,
            )

    def _filling(
        self, head: Head, variant: Variant, lookup: Lookup, now: float
    ) -> tuple[HeadTemplate, dict[str, str], bytes]:
        """What an answer is made of: its template, the page's own headers at `now`, and the body."""
        coding, unchanged, _ = variant
        own = self._freshness.headers(lookup, now)
        own["ETag"] = lookup.value.etag_of(coding)
        link, body = "", b""
        if not unchanged:
            link = link_header(head.page.link_base, lookup.value)
            body = self._cache.coded(head.page.question.key, lookup.value, coding)
            own["Link"], own["Content-Length"] = link, str(len(body))
        return self._templates.like(variant, lookup, link, now), own, body


def _variant(head: Head, value: Value) -> Variant:
    """The variant of `value` that a head asks for."""
    coding = head.coding if len(value.body) >= CODED_FROM_BYTES else head.small_coding
    unchanged = head.preconditions.if_none_match is not None and not_modified(head.preconditions, value, coding)
    return coding, unchanged, head.origin
