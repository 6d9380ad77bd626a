"""An answer made ready: all of its bytes but those that change with every request and every second."""

from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from farmlokal.caching.lookup import Lookup
from farmlokal.web.answers.representation import same_until

# A page's own headers.
_OWN = ("Cache-Control", "Cache-Status", "Content-Length", "ETag", "Link", "Server-Timing")
_REQUEST_ID = "X-Request-ID"


class HeadTemplate:
    """The head of every answer of one shape: all headers in their order, with gaps for those that differ.

    Most of a head is the same for all pages, and making it costs more than looking a page up. before_id, after_id: what
    stands around the request id, to be filled by `%` with a page's own headers; no header of such an answer has a `%`
    of its own but in what fills the gaps.
    """

    __slots__ = ("after_id", "before_id", "status")

    def __init__(self, status: HTTPStatus, headers: CIMultiDict[str]) -> None:
        """headers: of one such answer, whatever their values; `Date` comes last, and is none of them."""
        self.status = status.value
        gaps = {name: f"%({name})s" for name in _OWN} | {_REQUEST_ID: "\0"}
        lines = [f"{name}: {gaps.get(name) or value.replace('%', '%%')}\r\n" for name, value in headers.items()]
        whole = f"HTTP/1.1 {status.value} {status.phrase}\r\n{''.join(lines)}"
        self.before_id, self.after_id = whole.split("\0")

    def __repr__(self) -> str:
        return f"<HeadTemplate {self.before_id!r}>"


class PreparedAnswer:
    """The answer to one variant of a question, for as long as its load is the last one.

    To be sent: `before_id`, the request id, the lines of the rate limit, `after_id`, `body`. loaded_at: of the load.
    from_s, until_s: between which wall seconds the two are true.
    """

    __slots__ = (
        "_fresh_until",
        "_own",
        "_template",
        "after_id",
        "before_id",
        "body",
        "from_s",
        "loaded_at",
        "status",
        "until_s",
    )

    def __init__(self, lookup: Lookup, template: HeadTemplate, own: dict[str, str], body: bytes, now: float) -> None:
        """own: the page's headers, as they are at `now`, in wall seconds. body: empty where the client has it."""
        self._template = template
        self._own = own
        # Not the lookup: it holds the value, which holds this, and a circle outlives its entry.
        self.loaded_at = lookup.loaded_at
        self._fresh_until = lookup.fresh_until
        self.status = template.status
        self.body = body
        self._write(now)

    def refresh(self, now: float, changed: dict[str, str]) -> None:
        """Write anew what changes with the time. changed: the page's headers that do, as they are at `now`."""
        self._own.update(changed)
        self._write(now)

    def _write(self, now: float) -> None:
        self.from_s = now
        self.until_s = same_until(self._fresh_until, now)
        self.before_id = (self._template.before_id % self._own).encode()
        self.after_id = f"{self._template.after_id % self._own}Date: {rfc822_formatted_time()}\r\n\r\n".encode()
