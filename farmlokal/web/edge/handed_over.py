"""What the hot path found out of a request before it left it to the handlers: nothing is counted or asked twice."""

from typing import Any, NamedTuple

from aiohttp import web

from farmlokal.limiting.verdicts import Verdict


class PassedOn(NamedTuple):
    """A request that is passed on to the handlers.

    message: the parser's, which tells the request from those that follow on the connection. verdict: of the rate
    limit, where there is one. error: why there is no page, for the listing's handler to raise. started: when it was
    read, of time.perf_counter: what was tried before counts for its time.
    """

    message: Any
    verdict: Verdict | None
    error: Exception | None
    started: float


def passed_on(request: web.BaseRequest) -> PassedOn | None:
    """What was found out of `request`; None where no hot path had seen it."""
    found: PassedOn | None = getattr(request.protocol, "passed_on", None)
    return found if found is not None and found.message is request._message else None
