"""An answer made ready: all of its bytes but those that change with every request and every second."""

from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from farmlokal.caching.lookup import Lookup

# Stand in the headers for what is not known yet; no header can hold a zero byte.
AGE, CACHE_STATUS, REQUEST_ID = "\0age", "\0status", "\0id"


class PreparedAnswer:
    """The answer to one form of a question, for as long as the load is the one to be told of.

    To be sent: `before_id`, the request id, the lines of the rate limit, `after_id`, `body`. loaded_at: of the load.
    second: the wall second that the two are true for.
    """

    __slots__ = (
        "_before_age",
        "_before_id",
        "_before_status",
        "_end",
        "after_id",
        "before_id",
        "body",
        "loaded_at",
        "second",
        "status",
    )

    def __init__(self, lookup: Lookup, status: HTTPStatus, headers: CIMultiDict[str], body: bytes) -> None:
        """headers: in their order, with AGE, CACHE_STATUS and REQUEST_ID for their values; `Date` comes last."""
        lines = [
            f"HTTP/1.1 {status.value} {status.phrase}\r\n",
            *[f"{name}: {value}\r\n" for name, value in headers.items()],
        ]
        self._before_age, rest = "".join(lines).split(AGE)
        self._before_status, rest = rest.split(CACHE_STATUS)
        self._before_id, self._end = rest.split(REQUEST_ID)
        # Not the lookup: it holds the value, which holds this, and a circle outlives its entry.
        self.loaded_at = lookup.loaded_at
        self.status = status.value
        self.body = body
        self.second = -1
        self.before_id = self.after_id = b""

    def tell(self, second: int, age: str, cache_status: str) -> None:
        """Write the parts that change with the time. second: the present one."""
        self.second = second
        self.before_id = f"{self._before_age}{age}{self._before_status}{cache_status}{self._before_id}".encode()
        self.after_id = f"{self._end}Date: {rfc822_formatted_time()}\r\n\r\n".encode()
