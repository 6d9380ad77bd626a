"""The hot path: the listing answered where its request arrives, below routes, middlewares and response objects.

aiohttp's own parser reads the request, and what it reads decides. A page that memory holds is answered at once, without
a task; another one is looked up in a task of its own. Whatever is not a plain question for a page, and whatever does
not end in one, goes the full path. `FARMLOKAL_HOTPATH=off` leaves this file and `hot_connection` out; what they assume
of aiohttp stands in `hot_assumptions`.
"""

import time
from functools import partial
from typing import Any, NamedTuple

import structlog
from aiohttp import web

from farmlokal.caching.entry import Value
from farmlokal.caching.lookup import Lookup
from farmlokal.errors import FarmLokalError
from farmlokal.limiting.verdicts import Verdict
from farmlokal.telemetry import tracing
from farmlokal.telemetry.traceparent import incoming
from farmlokal.web import keys
from farmlokal.web.access_log import AccessLog
from farmlokal.web.edge import new_request_id
from farmlokal.web.health import Phase
from farmlokal.web.hot_head import PATH, Head, read_head
from farmlokal.web.links import link_header
from farmlokal.web.negotiation import coding_for
from farmlokal.web.prepared_answer import AGE, CACHE_STATUS, REQUEST_ID, PreparedAnswer
from farmlokal.web.rate_limit import quota_of
from farmlokal.web.representation import headers_of, not_modified, selected

_QUOTA = quota_of(PATH)
# Heads remembered by their bytes, and the longest of them: 8 MB when full.
_HEADS_MAX = 4096
_HEAD_BYTES_MAX = 1024


class Form(NamedTuple):
    """What one answer of a page depends on besides the page. There are few: codings and configured origins."""

    coding: str | None
    not_modified: bool
    origin: str | None


class Turn(NamedTuple):
    """A request that is being answered: what it asks for, the verdict of the rate limit, and when it was read.

    started: of time.perf_counter. peername: as the transport tells it.
    """

    head: Head
    verdict: Verdict | None
    started: float
    peername: object

    @property
    def refused(self) -> bool:
        """Whether the rate limit refuses it."""
        return self.verdict is not None and not self.verdict.allowed


class HotPath:
    """Reads heads and makes answers for the connections of one application."""

    def __init__(self, app: web.Application) -> None:
        self._pages = app[keys.ASKED_PAGES]
        self._listing = app[keys.LISTING]
        self._cache = app[keys.CACHE]
        self._edge = app[keys.EDGE]
        self._freshness = app[keys.FRESHNESS]
        self._health = app[keys.HEALTH]
        self._limiter = app.get(keys.LIMITER)
        self._clients = app.get(keys.CLIENTS)
        self._access_log = app.get(keys.ACCESS_LOG)
        self._observer = app[keys.OBSERVER]
        self._series = {status: self._observer.series(PATH, "GET", status) for status in (200, 304)}
        self._heads: dict[bytes, Head] = {}

    def __repr__(self) -> str:
        return f"<HotPath heads={len(self._heads)} serving={self.serving}>"

    @property
    def serving(self) -> bool:
        """Whether this process is simply serving: a draining one closes connections, a tracing one makes spans."""
        return self._health.phase is Phase.READY and not tracing.active

    def remembered(self, data: bytes) -> Head | None:
        """The head that exactly these bytes were found to be before."""
        return self._heads.get(data)

    def remember(self, data: bytes, head: Head) -> None:
        """Keep that `data`, one whole head, reads as `head`: equal bytes parse equally."""
        if len(data) > _HEAD_BYTES_MAX or head.unlike_others:
            return
        if len(self._heads) >= _HEADS_MAX:
            del self._heads[next(iter(self._heads))]
        self._heads[data] = head

    def read(self, message: Any) -> Head | None:
        """What a parsed head asks for; None for what the full path has to answer."""
        return read_head(message, self._pages, self._edge.cross_origin)

    def turn(self, head: Head, peername: object) -> Turn:
        """The request whose head was read just now, counted for its client."""
        started = time.perf_counter()
        verdict = None
        if self._limiter is not None and self._clients is not None and _QUOTA is not None:
            client = self._clients.client(peername, head.forwarded_for, head.api_key)
            verdict = self._limiter.take(_QUOTA, client)
        return Turn(head, verdict, started, peername)

    def answer(self, turn: Turn) -> bytes | None:
        """The whole answer from memory; None where memory has none that is fresh, or the rate limit refuses it."""
        head = turn.head
        lookup = None if turn.refused else self._cache.peek(head.page.key)
        if lookup is None:
            return None
        form = _form(head, lookup.value)
        if form is None:
            return None
        forms = lookup.value.prepared
        prepared: PreparedAnswer | None = forms.get(form)
        if prepared is None or not prepared.of(lookup):
            prepared = forms[form] = self._prepare(head, form, lookup)
        return self._told(turn, prepared, lookup)

    async def look_up(self, turn: Turn) -> bytes | None:
        """The whole answer from Redis or from the origin; None where there is none, or none to be given here.

        Runs in a task, and so in a context, of its own: log lines of the load tell whose request they are of.
        """
        head = turn.head
        if head.caller is not None:
            incoming.set(head.caller)
            structlog.contextvars.bind_contextvars(trace_id=head.caller.trace_id)
        head = head._replace(request_id=head.request_id or new_request_id())
        structlog.contextvars.bind_contextvars(request_id=head.request_id)
        page = head.page
        try:
            lookup = await self._cache.get(page.key, partial(self._listing.page, page.query), tags=page.tags)
        except FarmLokalError:
            return None  # the full path asks once more, and says in a problem what is wrong
        form = _form(head, lookup.value) if self.serving else None
        if form is None:
            return None
        return self._told(turn._replace(head=head), self._prepare(head, form, lookup), lookup)

    def _told(self, turn: Turn, prepared: PreparedAnswer, lookup: Lookup) -> bytes:
        """The bytes of the answer, which is counted as sent."""
        second = int(time.time())
        if prepared.second != second:
            told = self._freshness.headers(lookup)
            prepared.tell(second, told["Age"], told["Cache-Status"])
        request_id = turn.head.request_id or new_request_id()
        seconds = time.perf_counter() - turn.started
        self._series[prepared.status].observe(seconds)
        self._observer.hot_path_answers += 1
        if self._access_log is not None:
            self._log(self._access_log, turn, prepared, lookup, request_id, seconds)
        limits = b"" if turn.verdict is None else turn.verdict.lines
        return b"".join((prepared.before_id, request_id.encode(), limits, prepared.after_id, prepared.body))

    def _log(
        self,
        access_log: AccessLog,
        turn: Turn,
        prepared: PreparedAnswer,
        lookup: Lookup,
        request_id: str,
        seconds: float,
    ) -> None:
        head = turn.head
        caller = {} if head.caller is None else {"trace_id": head.caller.trace_id}
        with structlog.contextvars.bound_contextvars(**caller):
            access_log.write(
                method="GET",
                route=PATH,
                status=prepared.status,
                seconds=seconds,
                request_id=request_id,
                bytes_sent=len(prepared.body),
                client=access_log.client(turn.peername, head.forwarded_for),
                key=head.page.key,
                outcome=lookup.outcome,
            )

    def _prepare(self, head: Head, form: Form, lookup: Lookup) -> PreparedAnswer:
        chosen = selected(lookup.value, form.coding, not_modified=form.not_modified)
        link = link_header(head.page.link_base, lookup.value)
        headers = headers_of(chosen, lookup, self._freshness, link=link)
        headers["Age"], headers["Cache-Status"] = AGE, CACHE_STATUS
        self._edge.finish(headers, REQUEST_ID, allowed_origin=form.origin)
        body = b""
        if not form.not_modified:
            body = self._cache.coded(head.page.key, lookup.value, form.coding)
            headers["Content-Length"] = str(len(body))
        return PreparedAnswer(lookup, chosen.status, headers, body)


def _form(head: Head, value: Value) -> Form | None:
    """The form that a head asks for; None where there is none, which the full path has words for."""
    try:
        coding = coding_for(head.wanted.accept_encoding, len(value.body))
    except web.HTTPNotAcceptable:
        return None
    return Form(coding, not_modified(head.wanted, value, coding), head.origin)
