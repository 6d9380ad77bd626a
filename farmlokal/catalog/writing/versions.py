"""What a change does to a product, decided by its version.

::

newer version              the record replaces the row; a deletion makes it a tombstone
older version              nothing: outdated
same version, same digest  nothing: unchanged (a row that was gone only by absence comes back)
same version, other digest nothing: rejected
"""

from dataclasses import dataclass

from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.outcomes import Applied, Outcome

Change = ProductRecord | Deletion
Identity = tuple[str, str]
"""Source and external id."""


@dataclass(slots=True)
class Stored:
    """What the store holds of one identity; `id` is None until the row is inserted, `content` until it changes."""

    id: int | None
    version: int
    digest: str
    live: bool
    stock: int
    created_at: str
    content: ProductRecord | None = None
    changed: bool = False


def decide(stored: dict[Identity, Stored], change: Change, now: str) -> Applied:
    """What becomes of `change`, given what is `stored`, which is brought up to date. Pure but for that.

    now: RFC 3339, the creation time of a record that says none.
    """
    identity = (change.source, change.external_id)
    row = stored.get(identity)
    digest = change.digest()
    if row is not None:
        if change.version < row.version:
            return Applied(Outcome.OUTDATED)
        if change.version == row.version:
            if digest != row.digest:
                return Applied(Outcome.REJECTED, f"version {change.version} is already here with other content")
            if row.live or isinstance(change, Deletion):
                return Applied(Outcome.UNCHANGED)
    was_live = row is not None and row.live
    if row is None:
        row = stored[identity] = Stored(None, change.version, digest, live=False, stock=0, created_at=now)
    row.version, row.digest, row.changed = change.version, digest, True
    if isinstance(change, Deletion):
        row.live = False
        row.content = None
        return Applied(Outcome.DELETED if was_live else Outcome.UNCHANGED)
    row.live = True
    row.content = change
    row.stock = row.stock if change.stock is None else change.stock
    row.created_at = change.created_at or row.created_at
    return Applied(Outcome.UPDATED if was_live else Outcome.CREATED)
