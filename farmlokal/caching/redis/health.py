"""Whether Redis answers, and whether it takes what it is sent; and why not."""

from redis.exceptions import RedisError, ResponseError

from farmlokal.caching.second_tier import Held, Lease
from farmlokal.errors import Unavailable
from farmlokal.resilience.breaker import BreakerState, CircuitBreaker
from farmlokal.resilience.failure_log import log_breaker
from farmlokal.resilience.redis_pipe import RedisPipe
from farmlokal.resilience.redis_primary import RedisPrimary, is_no_primary
from farmlokal.resilience.redis_reasons import reason_of
from farmlokal.telemetry import get_logger
from farmlokal.telemetry.state_log import StateLog

_log = get_logger(__name__)

# Three timeouts in a row cost a request 0.3 s at the default wait; after that nobody waits, and two calls a second ask
# whether Redis is back: invalidations wait for that.
_FAILURES_MAX = 3
_OPEN_S = 0.5
REDIS_FAILURES = (RedisError, OSError, TimeoutError)


class RedisHealth:
    """What the calls over `pipe` came to. Each change is logged once.

    breaker: holds calls back while Redis is away. writes: a Redis that is full to the brim takes some and refuses
    others.
    """

    def __init__(self, pipe: RedisPipe, primary: RedisPrimary) -> None:
        self._pipe = pipe
        self._primary = primary
        self.breaker = CircuitBreaker(failures_max=_FAILURES_MAX, open_s=_OPEN_S, on_change=self._log_change)
        self.writes = StateLog(
            _log,
            "redis",
            away="redis refuses writes: nothing new is shared",
            back="redis takes writes again",
        )
        # Why the last call failed, and why the last refused one was.
        self._failure = self._refusal = ""

    def __repr__(self) -> str:
        return f"<RedisHealth {self.breaker!r} {self.writes!r}>"

    async def is_refusal(self, error: BaseException) -> bool:
        """Return whether Redis is there and says no: it is full, say, or the right is missing. Logged once.

        For anything else the reason is kept, and a server that is no primary is left: every connection ends.
        """
        if is_no_primary(error):
            await self._primary.drop()
        elif isinstance(error, ResponseError):
            self._refusal = reason_of(error)
            self.writes.failed(self._refusal)
            return True
        self._failure = reason_of(error, connecting=self._pipe.connecting, tls=self._pipe.tls)
        return False

    def verdict(self, lease: Lease | Held | None) -> str | None:
        """Return None where Redis does what we ask, as `lease`, which was asked for just now, shows; else why not.

        Raises Unavailable, whose text is the reason, where Redis is away.
        """
        if lease is None and (self.writes.up or self.breaker.state is not BreakerState.CLOSED):
            raise Unavailable(self._failure)
        return None if self.writes.up else self._refusal

    def _log_change(self, state: BreakerState) -> None:
        log_breaker(
            _log,
            state,
            away="redis is away: answering from memory and the origin",
            back="redis is back",
            reason=self._failure,
            dependency="redis",
        )
