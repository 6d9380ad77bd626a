"""The token cache: one token for every caller, renewed before it expires and never made up."""

import asyncio
import random
import time
from collections.abc import Callable
from functools import partial

from farmlokal.errors import PartnerError, PartnerFailed, PartnerUnavailable, Upstream
from farmlokal.partner.shared_tokens import SharedTokens
from farmlokal.partner.token import Token, token_of
from farmlokal.partner.token_endpoint import TokenEndpoint
from farmlokal.resilience.deadline import Deadline
from farmlokal.resilience.single_flight import SingleFlight
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.masking import mask_token
from farmlokal.telemetry.tracing import span

_log = get_logger(__name__)

# How long a caller waits for a token when there is none, unless it says less.
WAIT_MAX_S = 15.0
# After a failure with no token at hand, callers get the same error for this long: an endpoint that is down, or refuses
# us, is called once a second and not once a caller.
_FAILURE_KEPT_S = 1.0
# The same for a new token that the partner refuses as well.
_REFUSED_AGAIN_S = 1.0
# After a failed renewal, while the old token serves, the next: this share of the time that is left, within bounds.
_RETRY_SHARE, _RETRY_MIN_S, _RETRY_MAX_S = 0.1, 0.1, 10.0
_DRAIN_WAIT_MAX_S = 2.0
_FLIGHT = "token"


class TokenCache:
    """Returns the token in memory, else the one that processes share, else requests one: once for all callers.

    shared: None for this process alone. clock: wall seconds. draw: a number in [0, 1) for the jitter of renewals.
    """

    def __init__(
        self,
        endpoint: TokenEndpoint,
        shared: SharedTokens | None,
        *,
        clock: Callable[[], float] = time.time,
        draw: Callable[[], float] = random.random,
    ) -> None:
        self._endpoint = endpoint
        self._shared = shared
        self._clock = clock
        self._draw = draw
        self._flights: SingleFlight[Token] = SingleFlight()
        self._held: Token | None = None
        # The last token that the partner refused: Redis, or another process, may still offer it.
        self._refused = ""
        # The token that replaced it, and how long it is not replaced in turn.
        self._forced, self._forced_pause = "", Deadline(0)
        self._failure: PartnerError | None = None
        self._failure_pause = Deadline(0)
        self._renewal_pause = Deadline(0)
        self.requests = self.granted = self.failed = 0

    def __repr__(self) -> str:
        return f"<TokenCache held={self._held!r} requests={self.requests} {self._flights!r}>"

    @property
    def held(self) -> Token | None:
        """The token at hand, however old; None where there is none yet."""
        return self._held

    async def get(self, *, wait_max_s: float = WAIT_MAX_S) -> Token:
        """Returns a token that is usable now. Waits only where there is none; a renewal runs in the background.

        Raises PartnerUnavailable, also after `wait_max_s` seconds, and PartnerFailed when no token could be obtained.
        """
        token, now = self._held, self._clock()
        if token is None or now >= token.usable_until:
            return await self._flown(wait_max_s)
        if now >= token.renew_at and not self._renewal_pause.left_s and _FLIGHT not in self._flights:
            self._flights.start(_FLIGHT, partial(self._renewed, token))
        return token

    async def replace(self, refused: str, *, wait_max_s: float = WAIT_MAX_S) -> Token:
        """Returns a token other than `refused`, to which the partner answered 401.

        The one in memory where it is another already; else a new one. Raises as `get`, and PartnerFailed when `refused`
        has just replaced another that was refused: a third would be a loop.
        """
        held = self._held
        if held is not None and held.access_token != refused and self._clock() < held.usable_until:
            return held
        if refused == self._forced and self._forced_pause.left_s:
            raise PartnerFailed("the partner refuses the tokens that its token endpoint gives", self._upstream(401))
        self._refused, self._held = refused, None
        token = await self._flown(wait_max_s)
        if token.access_token != self._forced:
            self._forced, self._forced_pause = token.access_token, Deadline(_REFUSED_AGAIN_S)
        return token

    async def close(self) -> None:
        """Wait for the request under way, for a bounded time."""
        await self._flights.drain(_DRAIN_WAIT_MAX_S)

    async def _flown(self, wait_max_s: float) -> Token:
        if self._failure is not None and self._failure_pause.left_s:
            raise self._failure.with_traceback(None)
        try:
            async with asyncio.timeout(wait_max_s):
                return (await self._flights.run(_FLIGHT, partial(self._obtained, self._is_good))).result
        except TimeoutError:
            raise PartnerUnavailable(
                f"no token from {self._endpoint.host} within {wait_max_s:.3g} s", self._upstream()
            ) from None

    async def _obtained(self, wanted: Callable[[Token], bool]) -> Token:
        try:
            token = await (self._requested() if self._shared is None else self._shared.obtain(wanted, self._requested))
        except PartnerError as error:
            if self._failure is None:
                self._log_failure(error)
            self._failure, self._failure_pause = error, Deadline(_FAILURE_KEPT_S)
            raise
        mask_token(token.access_token)
        if self._failure is not None:
            _log.info("the token is renewed again", host=self._endpoint.host)
        self._failure = None
        self._held = token
        return token

    def _log_failure(self, error: PartnerError) -> None:
        """Log the first failure of several."""
        left_s = self._held.usable_until - self._clock() if self._held is not None else 0.0
        if left_s > 0:
            _log.warning("token renewal failed: the old one serves on", reason=str(error), left_s=round(left_s, 1))
        else:
            _log.warning("there is no token", reason=str(error))

    async def _renewed(self, old: Token) -> Token:
        """Renew `old` while it serves on; a failure is logged once, and tried again after a pause."""
        try:
            return await self._obtained(self._is_new)
        except PartnerError:
            left_s = old.usable_until - self._clock()
            self._renewal_pause = Deadline(min(_RETRY_MAX_S, max(_RETRY_MIN_S, left_s * _RETRY_SHARE)))
            raise

    async def _requested(self) -> Token:
        # Its life counts from before the request: the answer may have taken a while.
        asked_at = self._clock()
        self.requests += 1
        try:
            with span("token request"):
                grant = await self._endpoint.request()
        except PartnerError:
            self.failed += 1
            raise
        self.granted += 1
        return token_of(grant, asked_at, self._draw())

    def _is_good(self, token: Token) -> bool:
        return token.access_token != self._refused and self._clock() < token.usable_until

    def _is_new(self, token: Token) -> bool:
        return token.access_token != self._refused and self._clock() < token.renew_at

    def _upstream(self, status: int | None = None) -> Upstream:
        return Upstream(self._endpoint.host, status)
