"""What a change does to a product, decided by its version.

::

newer version              the record replaces the row; a deletion makes it a tombstone
older version              nothing: outdated
same version, same digest  nothing: unchanged (a row that was gone only by absence comes back)
same version, other digest nothing: rejected
"""

from dataclasses import dataclass
from typing import NamedTuple

from farmlokal.catalog.categories import OTHER
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.outcomes import WriteOutcome

Change = ProductRecord | Deletion
Identity = tuple[str, str]
"""Source and external id."""


class Decision(NamedTuple):
    """What becomes of one change.

    reason: why it is rejected
    categories: where the product was on offer before the change, and where it is after it; none without an effect
    """

    outcome: WriteOutcome
    reason: str | None = None
    categories: frozenset[str] = frozenset()


@dataclass(slots=True)
class Stored:
    """What the store holds of one identity; `id` is None until the row is inserted, `content` until it changes."""

    id: int | None
    version: int
    digest: str
    live: bool
    category: str
    stock: int
    created_at: str
    content: ProductRecord | None = None
    changed: bool = False


def decide(stored: dict[Identity, Stored], change: Change, now: str) -> Decision:
    """Decide on `change`, given what is `stored`, which is brought up to date. Pure but for that.

    now: RFC 3339, the creation time of a record that has none.
    """
    identity = (change.source, change.external_id)
    row = stored.get(identity)
    digest = change.digest()
    if row is not None:
        if change.version < row.version:
            return Decision(WriteOutcome.OUTDATED)
        if change.version == row.version:
            if digest != row.digest:
                return Decision(WriteOutcome.REJECTED, f"version {change.version} is already here with other content")
            if row.live or isinstance(change, Deletion):
                return Decision(WriteOutcome.UNCHANGED)
    if row is None:
        row = stored[identity] = Stored(None, change.version, digest, False, OTHER, stock=0, created_at=now)
    before = frozenset({row.category} if row.live else ())
    row.version, row.digest, row.changed = change.version, digest, True
    if isinstance(change, Deletion):
        row.live = False
        row.content = None
        return Decision(WriteOutcome.DELETED if before else WriteOutcome.UNCHANGED, categories=before)
    row.live = True
    row.content = change
    row.category = change.category
    row.stock = row.stock if change.stock is None else change.stock
    row.created_at = change.created_at or row.created_at
    return Decision(WriteOutcome.UPDATED if before else WriteOutcome.CREATED, categories=before | {change.category})
