"""An answer made ready: all of its bytes but those that change with every request and every second."""

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from farmlokal.caching.lookup import Lookup

# A page's own headers, and those that every answer has of its own. No header can hold a zero byte.
_OF_THE_PAGE = {name: f"\0{name}" for name in ("Link", "ETag", "Cache-Control", "Server-Timing", "Content-Length")}
_AGE, _CACHE_STATUS, _REQUEST_ID = "\0Age", "\0Cache-Status", "\0X-Request-ID"
_GAPS = _OF_THE_PAGE | {"Age": _AGE, "Cache-Status": _CACHE_STATUS, "X-Request-ID": _REQUEST_ID}


class HeadTemplate:
    """The head of every answer of one shape: all headers in their order, with gaps for those that differ.

    Most of a head is the same for all pages, and making it costs more than looking a page up.
    """

    __slots__ = ("_text", "status")

    def __init__(self, status: HTTPStatus, headers: CIMultiDict[str]) -> None:
        """headers: of one such answer, whatever their values; `Date` comes last, and is none of them."""
        self.status = status.value
        lines = [f"{name}: {_GAPS.get(name, value)}\r\n" for name, value in headers.items()]
        self._text = f"HTTP/1.1 {status.value} {status.phrase}\r\n{''.join(lines)}"

    def filled(self, own: Mapping[str, str]) -> tuple[str, str, str, str]:
        """The head with a page's `own` headers, in four parts: around its age, its cache status, its request id."""
        text = self._text
        for name, gap in _OF_THE_PAGE.items():
            if name in own:
                text = text.replace(gap, own[name], 1)
        before_age, rest = text.split(_AGE)
        before_status, rest = rest.split(_CACHE_STATUS)
        before_id, end = rest.split(_REQUEST_ID)
        return before_age, before_status, before_id, end


class PreparedAnswer:
    """The answer to one form of a question, for as long as the load is the one to be told of.

    To be sent: `before_id`, the request id, the lines of the rate limit, `after_id`, `body`. loaded_at: of the load.
    second: the wall second that the two are true for.
    """

    __slots__ = ("_parts", "after_id", "before_id", "body", "loaded_at", "second", "status")

    def __init__(self, lookup: Lookup, template: HeadTemplate, own: Mapping[str, str], body: bytes) -> None:
        """own: the page's headers. body: empty where the client has it."""
        self._parts = template.filled(own)
        # Not the lookup: it holds the value, which holds this, and a circle outlives its entry.
        self.loaded_at = lookup.loaded_at
        self.status = template.status
        self.body = body
        self.second = -1
        self.before_id = self.after_id = b""

    def tell(self, second: int, age: str, cache_status: str) -> None:
        """Write the parts that change with the time. second: the present one."""
        self.second = second
        before_age, before_status, before_id, end = self._parts
        self.before_id = f"{before_age}{age}{before_status}{cache_status}{before_id}".encode()
        self.after_id = f"{end}Date: {rfc822_formatted_time()}\r\n\r\n".encode()
