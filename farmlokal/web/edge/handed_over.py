"""What the hot path found out about a request before it left it to the handlers: nothing is counted or asked twice."""

from typing import NamedTuple

from aiohttp import web

from farmlokal.limiting.verdicts import Verdict
from farmlokal.web.edge.aiohttp_adapter import message_of


class HandedOver(NamedTuple):
    """A request that the hot path left to the handlers.

    message: the parser's: every request of a connection has its own. verdict: of the rate limit; None without one.
    error: why there is no page, for the listing's handler to raise. started_s: of time.perf_counter, when its head was
    read: what was tried before counts for its time.
    """

    message: object
    verdict: Verdict | None
    error: Exception | None
    started_s: float


def handed_over(request: web.BaseRequest) -> HandedOver | None:
    """What was found out about `request`; None where the hot path has not seen it."""
    found: HandedOver | None = getattr(request.protocol, "handed_over", None)
    return found if found is not None and found.message is message_of(request) else None


def raise_what_was_found(request: web.BaseRequest) -> None:
    """Raise why there is no page for `request`, where the hot path has found that out."""
    before = handed_over(request)
    if before is not None and before.error is not None:
        raise before.error
