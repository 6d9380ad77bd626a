"""An answer made ready: all of its bytes but those that change with every request and every second."""

from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time
from multidict import CIMultiDict

from farmlokal.caching.lookup import Lookup, Outcome
from farmlokal.web.answers.representation import Freshness, headers_of, same_until, selected
from farmlokal.web.edge.common_headers import CommonHeaders
from farmlokal.web.hot.request import Variant

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

    def filled(self, own: dict[str, str]) -> tuple[bytes, bytes]:
        """Return what stands before and behind the request id now. own: the page's headers."""
        after_id = f"{self.after_id % own}Date: {rfc822_formatted_time()}\r\n\r\n"
        return (self.before_id % own).encode(), after_id.encode()


class HeadTemplates:
    """The templates of all shapes of answers, each made when it is first wanted."""

    def __init__(self, freshness: Freshness, common_headers: CommonHeaders) -> None:
        self._freshness = freshness
        self._common_headers = common_headers
        # By the variant, whether there are links, and whether it was a miss: what decides which headers there are.
        self._templates: dict[tuple[Variant, bool, bool], HeadTemplate] = {}

    def __repr__(self) -> str:
        return f"<HeadTemplates shapes={len(self._templates)}>"

    def like(self, variant: Variant, lookup: Lookup, link: str, now: float) -> HeadTemplate:
        """The template of answers like this one: of its variant, with links or without, a miss or not."""
        shape = (variant, bool(link), lookup.outcome is Outcome.MISS)
        template = self._templates.get(shape)
        if template is None:
            template = self._templates[shape] = self._template(variant, lookup, link, now)
        return template

    def _template(self, variant: Variant, lookup: Lookup, link: str, now: float) -> HeadTemplate:
        coding, unchanged, origin = variant
        chosen = selected(lookup.value, coding, not_modified=unchanged)
        headers = headers_of(chosen, lookup, self._freshness, now, link=link)
        self._common_headers.add_to(headers, "", allowed_origin=origin)
        if not unchanged:
            headers["Content-Length"] = ""
        return HeadTemplate(chosen.status, headers)


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
        self.before_id, self.after_id = self._template.filled(self._own)
