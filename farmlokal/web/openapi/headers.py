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
        "RFC 9111, with the extensions of RFC 5861. `max-age` is the whole lifetime, `Age` what is gone of it.",
        "public, max-age=30, stale-while-revalidate=300, stale-if-error=300",
    ),
    "Age": Header("Seconds since the answer was loaded.", "9", schema=_WHOLE),
    "Cache-Status": Header("RFC 9211: where the answer came from.", "farmlokal; hit; ttl=21; detail=memory"),
    "Content-Encoding": Header(
        "The content coding: `gzip`, `br` or `zstd`; none where the body is sent as it is.", "br", always=False
    ),
    "Vary": Header("What else of a request chooses the answer.", "Accept-Encoding"),
    "Link": Header(
        'RFC 8288, relative: the pages with `rel="next"` and `rel="prev"`, where there are any.',
        '</products?sort=price&cursor=qk2G…>; rel="next"',
        always=False,
    ),
    "Server-Timing": Header("On misses: the milliseconds of the load.", "origin;dur=3.1", always=False),
    "Location": Header(
        "Where the run is told of, where there is one.", "/external/sync/35709bfbea13eee8", always=False
    ),
    "Retry-After": Header("Seconds after which to try again.", "1", always=False, schema=_WHOLE),
    "WWW-Authenticate": Header("RFC 9110: what proof is wanted.", "Bearer"),
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
CACHED = ("ETag", "Cache-Control", "Age", "Cache-Status", "Vary", "Server-Timing")


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
