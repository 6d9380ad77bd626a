"""Which content coding an answer gets (RFC 9110 section 12.5.3)."""

import re
from functools import lru_cache

from aiohttp import web

from farmlokal.caching.value import ENCODERS

# Below this the headers outweigh what coding saves.
CODED_FROM_BYTES = 512
_IDENTITY = "identity"
# A coding or `*`, then its weight: at most three decimals, at most 1.
_ITEM = re.compile(
    r"[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*(?:;[ \t]*[qQ]=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)[ \t]*)?", re.ASCII
)
# Headers longer than that are not worth remembering.
_REMEMBERED_CHARS_MAX = 200


def coding_for(accept_encoding: str | None, size_bytes: int) -> str | None:
    """The coding for a body of `size_bytes`; None for the body as it is.

    accept_encoding: the header's lines joined by commas, None without one: then the body goes as it is, although the
    RFC would allow any coding. Raises HTTPNotAcceptable where the client excludes everything that there is.
    """
    if accept_encoding is None:
        return None
    choose = _choice if len(accept_encoding) <= _REMEMBERED_CHARS_MAX else _choice.__wrapped__
    coding, identity_refused = choose(accept_encoding)
    if coding is None and identity_refused:
        raise web.HTTPNotAcceptable
    # A small body is coded only for a client that insists on it.
    return coding if size_bytes >= CODED_FROM_BYTES or identity_refused else None


@lru_cache(maxsize=512)
def _choice(accept_encoding: str) -> tuple[str | None, bool]:
    """The best coding of ours, None for none; and whether the body as it is was refused."""
    weights = _weights(accept_encoding)
    others = weights.get("*")
    identity = weights.get(_IDENTITY, 1.0 if others is None else others)
    ours = {coding: weights.get(coding, others or 0.0) for coding in ENCODERS}
    best = max(ours, key=lambda coding: ours[coding])
    # Named beside a coding, the body as it is has a weight of its own; unnamed, it is the last resort.
    rival = identity if _IDENTITY in weights else 0.0
    return (best if ours[best] > 0 and ours[best] >= rival else None), identity == 0


def _weights(accept_encoding: str) -> dict[str, float]:
    """The weight of each coding by its name in lower case. What is not well-formed is passed over."""
    weights: dict[str, float] = {}
    for text in accept_encoding.split(","):
        item = _ITEM.fullmatch(text)
        if item is not None:
            name = item[1].lower().removeprefix("x-") if item[1].lower() == "x-gzip" else item[1].lower()
            weights[name] = 1.0 if item[2] is None else float(item[2])
    return weights
