"""API keys as the application keeps them: their digests, which give none of them away."""

import hmac
from collections.abc import Iterable
from hashlib import sha256


def key_digests(api_keys: Iterable[str]) -> tuple[bytes, ...]:
    """What the application keeps of its API keys. Digests are equally long: a comparison tells no key's length."""
    return tuple(_digest(key) for key in api_keys)


def matching_key(offered: str, digests: tuple[bytes, ...]) -> int | None:
    """The place of `offered` among `digests`. Compares with all of them: the time tells neither hit nor place."""
    digest = _digest(offered)
    found = None
    for place, known in enumerate(digests):
        if hmac.compare_digest(digest, known):
            found = place
    return found


def _digest(key: str) -> bytes:
    # aiohttp reads a header's stray bytes as surrogates.
    return sha256(key.encode("utf-8", "surrogateescape")).digest()
