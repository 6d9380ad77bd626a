"""The count and the time of every answer, by route, method and status.

`counted` stands outside of every middleware: it sees each answer as it is sent, those to a preflight and to a refused
`Expect` too. What the parser refuses never gets so far, and is counted where it is answered (`connection.py`); what the
hot path answers, by the hot path. So each answer is counted once, and before its first byte goes out: a client that has
it finds it counted.
"""

import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus

from aiohttp import web

from farmlokal.telemetry.board import Slot
from farmlokal.telemetry.durations import BOUNDS_S
from farmlokal.telemetry.metrics import HTTP_REQUESTS, HTTP_SECONDS
from farmlokal.web.edge.aiohttp_adapter import route_match_of
from farmlokal.web.edge.handed_over import handed_over

RequestHandler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Listener = Callable[[web.BaseRequest, web.StreamResponse, str, float], None]
"""Called with an answer: the request, the response, the route's template and the seconds that it took."""

# Label values are closed sets: nobody makes series by asking for what there is not.
UNMATCHED = "unmatched"
OTHER = "other"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
STATUSES = frozenset(map(int, HTTPStatus))
# Alert rules divide by these: they are there before the first such answer.
_FIRST_STATUSES = (200, 429, 500, 503)
_SELDOM = ("HEAD", "OPTIONS")
_FIRST_BOUND_S = BOUNDS_S[0]


class Series:
    """The count and the times of one route, method and status, in this process's slot of the shared board."""

    __slots__ = ("_buckets", "_count", "_sum", "_values")

    def __init__(self, slot: Slot, count: int, times: int) -> None:
        """count, times: the words of the counter, and of the buckets that the sum follows."""
        self._values = slot.values
        self._count = count
        self._buckets = times
        self._sum = times + len(BOUNDS_S) + 1

    def __repr__(self) -> str:
        return f"<Series count={self._values[self._count]:.0f}>"

    def observe(self, seconds: float) -> None:
        """Count one answer that took `seconds`. A fifth of a microsecond: the hot path calls this."""
        values = self._values
        values[self._count] += 1.0
        values[self._buckets if seconds <= _FIRST_BOUND_S else self._buckets + bisect_left(BOUNDS_S, seconds)] += 1.0
        values[self._sum] += seconds


class RequestCounts:
    """Counts answers, and their times. listeners: called with each answer that a handler gave, in their order."""

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._series: dict[tuple[str, str, int], Series] = {}
        self.listeners: list[Listener] = []
        # By the hot path, below the handlers; raised by whoever answers there.
        self.hot_path_answers = 0

    def __repr__(self) -> str:
        return f"<RequestCounts series={len(self._series)} hot_path_answers={self.hot_path_answers}>"

    def series(self, route: str, method: str, status: int) -> Series:
        """The series of answers with `status` to `method` on the route of this template; to be kept where it is hot."""
        key = (route, method if method in METHODS else OTHER, status)
        series = self._series.get(key)
        if series is None:
            if status not in STATUSES:
                raise ValueError(f"{status} is no HTTP status")
            count = self._slot.place(HTTP_REQUESTS.name, route, key[1], str(status))
            times = self._slot.place(HTTP_SECONDS.name, route, words=len(BOUNDS_S) + 2)
            series = self._series[key] = Series(self._slot, count, times)
        return series

    def count(self, request: web.BaseRequest, response: web.StreamResponse, seconds: float) -> None:
        """Count an answer that is about to be sent. seconds: that it took."""
        route = route_of(request)
        self.series(route, request.method, response.status).observe(seconds)
        for listener in self.listeners:
            listener(request, response, route, seconds)

    def begin(self, resources: Iterable[tuple[str, str]]) -> None:
        """Make the series that there are before the first request. resources: the routes, each a method and a template.

        A counter that appears with its first increment has no rate for that increment.
        """
        for method, route in resources:
            for status in _FIRST_STATUSES if method not in _SELDOM else ():
                self.series(route, method, status)
        for status in (400, 404):
            self.series(UNMATCHED, "GET", status)


def counted(handler: RequestHandler, counts: RequestCounts) -> RequestHandler:
    """`handler`, each of whose answers `counts` counts. What it raises is answered, and counted, elsewhere."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        before = handed_over(request)
        started_s = time.perf_counter() if before is None else before.started_s
        response = await handler(request)
        counts.count(request, response, time.perf_counter() - started_s)
        return response

    return handle


def route_of(request: web.BaseRequest) -> str:
    """The template of the route that `request` met: never its path, which anybody can make up."""
    if not isinstance(request, web.Request):
        return UNMATCHED
    match = route_match_of(request)  # there is none where a request was refused before
    resource = match.route.resource if match is not None else None
    return resource.canonical if resource is not None else UNMATCHED
