"""The response headers that the document explains, each once."""

from typing import Any, NamedTuple


class Header(NamedTuple):
    """A response header. always: whether every answer that names it has it."""

    meaning: str
    example: str
    always: bool = True
    schema: dict[str, Any] = {"type": "string"}  # noqa: RUF012 - never changed


_WHOLE: dict[str, Any] = {"type": "integer", "minimum": 0}

HEADERS = {
    "X-Request-ID": Header(
        "The caller's own where it matches `[\\w.-]{1,64}`, else a new one; the log has it.", "9aa16a6291566ede"
    ),
    "ETag": Header("Strong validator of these bytes, another one for each content coding.", '"4f0c…"'),
    "Cache-Control": Header(
        "RFC 9111, with the extensions of RFC 5861. `max-age` is what is left of the answer's fresh time: there is no"
        " `Age`. Not in a 5xx of a route whose answers may be kept.",
        "public, max-age=21, stale-while-revalidate=300, stale-if-error=300",
    ),
    "Cache-Status": Header("RFC 9211: where the answer came from.", "farmlokal; hit; ttl=21; detail=memory"),
    "Content-Encoding": Header(
        "The content coding: `gzip`, `br` or `zstd`; none where the body is sent as it is.", "br", always=False
    ),
    "Vary": Header("The request headers that the answer depends on.", "Accept-Encoding"),
    "Link": Header(
        'RFC 8288, relative to the address asked. Of a page: the next and the previous one (`rel="next"`, `rel="prev"`)'
        ' where there are any. Of a problem: the page that explains its type (`rel="type"`).',
        '<?sort=price&cursor=qk2G…>; rel="next"',
        always=False,
    ),
    "Server-Timing": Header("On a cache miss: the milliseconds that the load took.", "origin;dur=3.1", always=False),
    "Location": Header(
        "The address of the run, relative to the one that was asked.",
        "sync/35709bfbea13eee8",
        always=False,
    ),
    "Retry-After": Header("Seconds after which to try again.", "1", always=False, schema=_WHOLE),
    "WWW-Authenticate": Header("RFC 9110: how to authenticate.", "Bearer"),
    "Accept-Encoding": Header("The content codings that a body may have.", "identity"),
    "Allow": Header("The methods that the address takes.", "GET, HEAD, OPTIONS"),
    "RateLimit": Header(
        "What is left of the quota, and in how many seconds there is more; absent where no limit is set.",
        '"default";r=1180;t=1',
        always=False,
    ),
    "RateLimit-Policy": Header(
        "The quota and its window in seconds; absent where no limit is set.", '"default";q=1200;w=60', always=False
    ),
}
# Sent by more than those who name them.
EVERYWHERE = ("X-Request-ID",)
LIMITED = ("RateLimit", "RateLimit-Policy")
CACHED = ("ETag", "Cache-Control", "Cache-Status", "Vary", "Server-Timing")


def components() -> dict[str, Any]:
    """The header objects for the document's components."""
    return {
        name: {
            "description": header.meaning,
            "required": header.always,
            "schema": header.schema,
            "example": int(header.example) if header.schema is _WHOLE else header.example,
        }
        for name, header in HEADERS.items()
    }


def references(*names: str) -> dict[str, Any]:
    """The headers of one answer, as references to the components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
