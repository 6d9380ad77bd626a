"""Calls to one upstream, resilient: aiohttp-retry carries the attempts, the guards stand around them."""

from collections.abc import Mapping
from typing import Any

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp_retry import RetryClient
from yarl import URL

from farmlokal.errors import PartnerError
from farmlokal.partner.outbound.call import Call
from farmlokal.partner.outbound.guards import CallStats, Guards, Limits
from farmlokal.partner.outbound.responses import AttemptFailed, PartnerResponse
from farmlokal.resilience.breaker import BreakerOpen
from farmlokal.resilience.bulkhead import BulkheadFull
from farmlokal.resilience.deadline import Deadline
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# Sending one of these twice does what sending it once does (RFC 9110 section 9.2.2).
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# Twice what the guards let through: the API and the token endpoint may share a host.
_CONNECTIONS_MAX = 32
# The guards bound each attempt; a second clock in aiohttp would only make errors of another kind.
_NO_TIMEOUT = ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class SharedSession:
    """The process's one session for outbound calls, made at first use since it needs a running event loop."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    def __repr__(self) -> str:
        return f"<SharedSession {'closed' if self._session is None else 'open'}>"

    def __call__(self) -> ClientSession:
        """The session. It keeps no cookies, and reads neither proxies nor passwords from the environment."""
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=_CONNECTIONS_MAX),
                cookie_jar=DummyCookieJar(),
                timeout=_NO_TIMEOUT,
                headers={"User-Agent": "farmlokal", "Accept": "application/json"},
            )
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class Outbound:
    """Calls to the upstream at `host`, by `session`, within `limits`."""

    def __init__(self, host: str, session: SharedSession, limits: Limits | None = None) -> None:
        self._session = session
        self.guards = Guards(host, limits or Limits())

    def __repr__(self) -> str:
        return f"<Outbound {self.guards!r}>"

    @property
    def stats(self) -> CallStats:
        """The counters of the calls."""
        return self.guards.stats

    def deadline(self, total_s: float | None = None) -> Deadline:
        """Returns a deadline of `total_s` seconds from now, by default the limits' deadline."""
        return Deadline(self.guards.limits.deadline_s if total_s is None else total_s)

    async def call(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        deadline: Deadline,
        body: bytes | None = None,
        repeatable: bool | None = None,
        returned: frozenset[int] = frozenset(),
    ) -> PartnerResponse:
        """Make one call, and return its response.

        repeatable: whether the request may be sent again; by default as its method says. returned: statuses besides 2xx
        that are returned and not raised. Raises PartnerUnavailable and PartnerFailed, with the call's story.
        """
        may_repeat = method in _REPEATABLE if repeatable is None else repeatable
        attempts_max = self.guards.limits.attempts_max if may_repeat else 1
        call = Call(self.guards, deadline, attempts_max=attempts_max, returned=returned)
        self.stats.calls += 1
        try:
            response = await self._attempts(call, method, url, headers=headers, data=body)
        except PartnerError as error:
            self.stats.failed += 1
            self._log_call(call, method, url, error=str(error))
            raise
        self.stats.succeeded += 1
        self._log_call(call, method, url)
        return response

    async def _attempts(self, call: Call, method: str, url: URL, **request: Any) -> PartnerResponse:
        retrying = RetryClient(client_session=self._session(), retry_options=call)
        try:
            async with retrying.request(
                method, url, middlewares=(call.attempt,), allow_redirects=False, raise_for_status=False, **request
            ):
                pass
        except (AttemptFailed, BreakerOpen, BulkheadFull) as failure:
            raise call.error(failure) from None
        if call.response is None:
            raise AssertionError("a call without a failure has a response")
        return call.response

    def _log_call(self, call: Call, method: str, url: URL, error: str | None = None) -> None:
        # Without the query: it may hold private values.
        story = {"method": method, "path": url.path, "breaker": self.guards.breaker.state, **call.upstream._asdict()}
        if error is None:
            _log.debug("partner call", **story)
        else:
            # Not louder: while the partner is down every call fails, and the breaker says once that it is.
            _log.debug("partner call failed", reason=error, **story)
