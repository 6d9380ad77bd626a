"""A finished response as the cache hands it out: its bytes, its validator, and what belongs to them."""

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from farmlokal.caching.codings import ENCODERS


@dataclass(frozen=True, slots=True)
class Value:
    """A finished response: its bytes, a few named strings that belong to them, and a strong validator.

    etag: quoted, as RFC 9110 section 8.8.3 writes it. negative: that there is no such thing, which is worth
    remembering for a short time; the body may say so in words. variants: the body in other content codings, made when
    first asked for. prepared: what the layer above keeps ready beside the value; it is gone when the value is.
    """

    body: bytes
    attributes: tuple[tuple[str, str], ...] = ()
    etag: str = field(default="")
    negative: bool = False
    variants: dict[str, bytes] = field(default_factory=dict, compare=False, repr=False)
    prepared: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.etag:
            object.__setattr__(self, "etag", f'"{blake2b(self.body, digest_size=16).hexdigest()}"')

    def coded(self, coding: str | None) -> bytes:
        """The body in `coding`, a key of `codings.ENCODERS`, or as it is for None. Made once, then kept."""
        if coding is None:
            return self.body
        variant = self.variants.get(coding)
        if variant is None:
            variant = self.variants[coding] = ENCODERS[coding](self.body)
        return variant

    def etag_of(self, coding: str | None) -> str:
        """The strong validator of the body in `coding`: another one for each, because the bytes differ."""
        return self.etag if coding is None else f'{self.etag[:-1]}-{coding}"'
