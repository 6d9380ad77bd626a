"""What the cache needs of the tier that processes share. Redis is one; a test may stand another in its place."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from farmlokal.caching.entry import Entry
from farmlokal.resilience.commit_positions import Committed, Position

NOTHING_KNOWN = Committed()
# With this begins what stands in the place of a tag's generation while a write that may yet take effect touches it.
IN_DOUBT = "?"
# A dead holder of a lease delays the others by at most this.
LEASE_MS = 2000


class Snapshot(NamedTuple):
    """What the tier holds of a key at one moment: its entry, and the generations of its tags as far as it has them."""

    entry: Entry | None
    generations: tuple[str | None, ...]


class Lease(NamedTuple):
    """The right to load `key`, until it is given back or runs out, and what the tier held when it was given.

    token: random, used once; by it a late write of a holder that lost the lease is known. generations: of `tags`,
    that a load under this lease is checked against. positions: what it has to have seen, as Needed.positions.
    unknown: what `learn` is told; empty where all of that is known.
    """

    key: str
    token: str
    tags: tuple[str, ...]
    generations: tuple[str, ...]
    snapshot: Snapshot
    positions: tuple[str, ...] = ()
    unknown: str = ""


class Doubt(NamedTuple):
    """Of a write: that it may yet take effect, for `lasts_ms` if nothing else is said; with 0 that it no longer may.

    write: its name, random, of letters and digits.
    """

    write: str
    lasts_ms: int


class Held(NamedTuple):
    """That another process has the lease: for `expires_in_s` more seconds, unless it renews it."""

    expires_in_s: float


class SecondTier(Protocol):
    """Where entries, leases and generations are kept beyond the process's memory. No method raises."""

    @property
    def away(self) -> bool:
        """Whether the tier is left alone for a while, because it did not answer."""
        ...

    async def read(self, key: str, tags: tuple[str, ...]) -> Snapshot | None:
        """Return what is held of `key` and of `tags`; None where the tier cannot say in time."""
        ...

    def read_then(self, key: str, tags: tuple[str, ...], then: Callable[[Snapshot | None], object]) -> None:
        """Call `then` in a later turn of the event loop with what `read` would return. `then` must not raise."""
        ...

    async def acquire(self, key: str, tags: tuple[str, ...]) -> Lease | Held | None:
        """Return the lease on `key`; Held where another has it, None where the tier cannot give one in time."""
        ...

    async def read_or_acquire(self, key: str, tags: tuple[str, ...]) -> Snapshot | Lease | Held | None:
        """Return what `read` would where that has an entry of `key`, and else what `acquire` would."""
        ...

    async def renew(self, lease: Lease) -> bool:
        """Prolong `lease`. Returns whether it was still held."""
        ...

    async def store(self, lease: Lease, entry: Entry, *, now: float) -> bool:
        """Keep `entry` until its hard expiry and end `lease`. Returns whether it was kept.

        It is not where the lease was lost, or the generation of a tag is another than `entry` remembers.
        now: wall seconds.
        """
        ...

    async def release(self, lease: Lease) -> bool:
        """End `lease`. Returns whether it was still held."""
        ...

    async def invalidate(
        self, tags: Iterable[str], sender: str, committed: Committed = NOTHING_KNOWN, doubt: Doubt | None = None
    ) -> bool:
        """Raise the generations of `tags` and send the notice, signed by `sender`. Returns whether both were done.

        committed: how far the writer had come afterwards. doubt: of the write that touched `tags`; while there is one
        that lasts, no load of theirs is stored.
        """
        ...

    async def learn(self, unknown: str, position: Position) -> bool:
        """From now on loads have to have seen `position`. Returns whether that is known from now on.

        It is not where something was invalidated since a lease said `unknown`.
        """
        ...
