"""The guards around every call to one upstream, and the counters of its calls."""

from dataclasses import dataclass
from typing import NamedTuple

from farmlokal.resilience.backoff import Backoff
from farmlokal.resilience.breaker import BreakerState, CircuitBreaker
from farmlokal.resilience.bulkhead import Bulkhead
from farmlokal.resilience.failure_log import log_breaker
from farmlokal.resilience.retry_budget import RetryBudget
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)


class Limits(NamedTuple):
    """The limits of the calls to one upstream. Callers hold HTTP requests open meanwhile: seconds, not minutes."""

    # Over all attempts and the waits between them.
    deadline_s: float = 15.0
    # Four attempts with full jitter span about 2 s on average: a restart behind a load balancer, not an outage.
    attempts_max: int = 4
    attempt_max_s: float = 5.0
    backoff_base_s: float = 0.2
    backoff_max_s: float = 5.0
    # Of all calls, and what a client that calls seldom may retry all the same, per minute.
    retry_share: float = 0.1
    retry_floor: int = 10
    # Under 5 % of random faults one run of five failures comes in three million calls.
    breaker_failures_max: int = 5
    breaker_open_s: float = 5.0
    concurrency: int = 16
    slot_wait_max_s: float = 5.0
    body_bytes_max: int = 16 * 2**20


@dataclass(slots=True)
class CallStats:
    """Counters of one upstream, from the start of the process."""

    calls: int = 0
    succeeded: int = 0
    failed: int = 0
    attempts: int = 0
    budget_refusals: int = 0
    breaker_refusals: int = 0
    bulkhead_refusals: int = 0


class Guards:
    """The guards of the upstream at `host` (`name:port`), shared by all of its calls."""

    def __init__(self, host: str, limits: Limits) -> None:
        self.host = host
        self.limits = limits
        self.stats = CallStats()
        self.backoff = Backoff(base_s=limits.backoff_base_s, max_s=limits.backoff_max_s)
        self.budget = RetryBudget(share=limits.retry_share, floor=limits.retry_floor)
        self.bulkhead = Bulkhead(limits.concurrency)
        self.breaker = CircuitBreaker(
            failures_max=limits.breaker_failures_max,
            open_s=limits.breaker_open_s,
            on_change=self._log_change,
        )
        self.last_failure = ""  # of those that the breaker counts

    def __repr__(self) -> str:
        return f"<Guards {self.host} {self.breaker!r} {self.budget!r} {self.bulkhead!r} {self.stats!r}>"

    def _log_change(self, state: BreakerState) -> None:
        log_breaker(
            _log,
            state,
            away="the partner is left alone for a while",
            back="the partner answers again",
            reason=self.last_failure,
            host=self.host,
        )
