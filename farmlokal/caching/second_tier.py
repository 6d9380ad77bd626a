"""What the cache needs of the tier that processes share. Redis is one; a test may stand another in its place."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from farmlokal.caching.entry import Entry


class Reading(NamedTuple):
    """What the tier holds of a key at one moment: its entry, and the generations of its tags as far as it has them."""

    entry: Entry | None
    generations: tuple[str | None, ...]


class Lease(NamedTuple):
    """The right to load `key`, until it is given back or runs out, and what the tier held when it was given.

    token: random, used once; what tells a late write of a holder that lost the lease.
    """

    key: str
    token: str
    tags: tuple[str, ...]
    reading: Reading

    @property
    def generations(self) -> tuple[str, ...]:
        """The generations that a load under this lease is checked against."""
        return tuple(generation or "" for generation in self.reading.generations)


class Busy(NamedTuple):
    """Another process has the lease, for `left_s` more seconds unless it renews it."""

    left_s: float


class SecondTier(Protocol):
    """Where entries, leases and generations are kept beyond the process's memory. No method raises."""

    async def read(self, key: str, tags: tuple[str, ...]) -> Reading | None:
        """What is held of `key`; None where the tier cannot say in time."""
        ...

    def read_soon(self, key: str, tags: tuple[str, ...], then: Callable[[Reading | None], object]) -> None:
        """Tell `then` in a later turn of the event loop what `read` would return. `then` must not raise."""
        ...

    async def acquire(self, key: str, tags: tuple[str, ...]) -> Lease | Busy | None:
        """The lease on `key`; None where the tier cannot give one in time."""
        ...

    async def renew(self, lease: Lease) -> bool:
        """Prolong `lease`; whether it was still held."""
        ...

    async def store(self, lease: Lease, entry: Entry, *, now: float) -> bool:
        """Keep `entry` until its hard expiry and end `lease`; refused when either it or a generation has changed."""
        ...

    async def release(self, lease: Lease) -> bool:
        """End `lease`; whether it was still held."""
        ...

    async def invalidate(self, tags: Iterable[str], sender: str) -> bool:
        """Raise the generations of `tags` and send the notice, signed by `sender`; whether both were done."""
        ...
