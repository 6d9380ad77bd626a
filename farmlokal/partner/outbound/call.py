"""One call to the partner: its attempts as aiohttp-retry carries them, and what decides between two of them."""

import math
from dataclasses import replace

from aiohttp import ClientHandlerType, ClientRequest, ClientResponse
from aiohttp_retry import RetryOptionsBase

from farmlokal.errors import PartnerError, PartnerFailed, PartnerUnavailable, Upstream
from farmlokal.partner.outbound.attempt import exchange
from farmlokal.partner.outbound.guards import Guards
from farmlokal.partner.outbound.responses import AttemptFailed, Broken, PartnerResponse
from farmlokal.resilience.breaker import BreakerOpen
from farmlokal.resilience.bulkhead import BulkheadFull
from farmlokal.resilience.deadline import Deadline
from farmlokal.telemetry import tracing
from farmlokal.telemetry.span import Kind, Span
from farmlokal.telemetry.tracing import outgoing_headers, span

# An attempt with less time than this would time out by our own doing, and be held against the partner.
_ATTEMPT_MIN_S = 0.05


class Call(RetryOptionsBase):
    """The retry policy and the story of one call; `response` is set when the call succeeds.

    attempts_max: 1 for a request that must not be sent twice. returned: statuses besides 2xx that are responses to the
    caller.
    """

    def __init__(
        self, guards: Guards, deadline: Deadline, *, attempts_max: int, returned: frozenset[int] = frozenset()
    ) -> None:
        # `exceptions` alone: with a method that must not be repeated there is one attempt, so nothing is left to
        # `methods`, which aiohttp-retry checks for responses and forgets for exceptions.
        super().__init__(attempts=attempts_max, exceptions=(AttemptFailed,), retry_all_server_errors=False)
        self._guards = guards
        self._deadline = deadline
        self._returned = returned
        self._failure: AttemptFailed | None = None
        self.response: PartnerResponse | None = None
        self.status: int | None = None
        self.made = 0
        self.waited_s = 0.0

    def __repr__(self) -> str:
        return f"<Call made={self.made} waited_s={self.waited_s:.3f} status={self.status} {self._deadline!r}>"

    @property
    def upstream(self) -> Upstream:
        """The story so far."""
        return Upstream(self._guards.host, self.status, self.made, round(self.waited_s, 3))

    async def attempt(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send `request` once and read its whole response: a middleware of aiohttp's client.

        aiohttp sends a request again by itself when a kept connection turns out dead, but for errors of its own alone;
        only ours are raised here, so that this policy knows every attempt.
        """
        try:
            return await self._guarded(request, handler)
        except AttemptFailed as failure:
            self._failure = failure
            self.status = failure.status
            raise

    async def _guarded(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        guards, limits = self._guards, self._guards.limits
        async with guards.bulkhead.slot(min(limits.slot_wait_max_s, self._deadline.left_s)):
            if self._deadline.left_s < _ATTEMPT_MIN_S:
                raise AttemptFailed("was not asked again: the deadline has passed", unavailable=True)
            with guards.breaker.call(Broken):
                self.made += 1
                guards.stats.attempts += 1
                if self.made == 1:
                    # Only calls that reach the partner earn retries: after an outage there is no storm of saved ones.
                    guards.budget.count_call()
                response, outcome = await self._exchanged(request, handler)
        # Outside the breaker: a partner that refuses this one request is in good health.
        if isinstance(outcome, AttemptFailed):
            raise outcome
        self.status = outcome.status
        self.response = replace(outcome, upstream=self.upstream)
        return response

    async def _exchanged(
        self, request: ClientRequest, handler: ClientHandlerType
    ) -> tuple[ClientResponse, PartnerResponse | AttemptFailed]:
        """Make one attempt, in a span of its own that the partner's traces can continue."""
        limits = self._guards.limits
        with span(request.method, Kind.CLIENT) as attempt:
            if tracing.active:
                _describe(attempt, request, resends=self.made - 1)
            request.headers.update(outgoing_headers())
            try:
                response, outcome = await exchange(
                    request,
                    handler,
                    time_max_s=min(limits.attempt_max_s, self._deadline.left_s),
                    body_bytes_max=limits.body_bytes_max,
                    returned=self._returned,
                )
            except Broken as failure:
                self._guards.last_failure = str(failure)
                if failure.status is not None:
                    attempt.set("http.response.status_code", failure.status)
                raise
            attempt.set("http.response.status_code", response.status)
            return response, outcome

    def get_timeout(self, attempt: int, response: ClientResponse | None = None) -> float:
        """Seconds to wait after failure `attempt` (from 1), as aiohttp-retry asks. Raises what ends the call."""
        failure = self._failure
        if failure is None or not failure.retriable:
            raise failure or AttemptFailed("did not answer")
        # The jitter comes on top: clients that were given the same time must not come back together.
        wait_s = (failure.wait_s or 0.0) + self._guards.backoff.wait_s(attempt)
        if wait_s + _ATTEMPT_MIN_S > self._deadline.left_s:
            raise self._gave_up(failure, "the next attempt would come after the deadline", failure.wait_s or wait_s)
        if not self._guards.budget.spend():
            self._guards.stats.budget_refusals += 1
            raise self._gave_up(failure, "the retry budget is used up", failure.wait_s or wait_s)
        self.waited_s += wait_s
        return wait_s

    def error(self, failure: AttemptFailed | BreakerOpen | BulkheadFull) -> PartnerError:
        """Returns the error that a call which ends with `failure` raises."""
        host = self._guards.host
        if isinstance(failure, BreakerOpen):
            self._guards.stats.breaker_refusals += 1
            wait_s = self._guards.breaker.open_left_s
            return self._unavailable(f"{host} failed several times and is left alone for a while", wait_s)
        if isinstance(failure, BulkheadFull):
            self._guards.stats.bulkhead_refusals += 1
            return self._unavailable(f"too many calls to {host} are under way", None)
        if failure.unavailable:
            return self._unavailable(f"{host} {failure}", failure.wait_s)
        return PartnerFailed(f"{host} {failure}", self.upstream)

    def _gave_up(self, failure: AttemptFailed, why: str, wait_s: float) -> PartnerUnavailable:
        return self._unavailable(f"{self._guards.host} {failure}; {why}", wait_s)

    def _unavailable(self, detail: str, wait_s: float | None) -> PartnerUnavailable:
        # Retry-After is in whole seconds, and 0 would invite at once.
        return PartnerUnavailable(detail, self.upstream, retry_after_s=max(1, math.ceil(wait_s or 0)))


def _describe(attempt: Span, request: ClientRequest, *, resends: int) -> None:
    url = request.url
    attempt.set("http.request.method", request.method)
    attempt.set("server.address", url.host or "")
    attempt.set("server.port", url.port or 0)
    # Without the query: it may hold private values.
    attempt.set("url.full", str(url.with_query(None)))
    if resends:
        attempt.set("http.request.resend_count", resends)
