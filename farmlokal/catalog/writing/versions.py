"""What a change does to a product, decided by its version.

::

newer version              the record replaces the row; a deletion makes it a tombstone
older version              nothing: outdated
same version, same digest  nothing: unchanged (a row that was gone only by absence comes back)
same version, other digest nothing: rejected

What a market file says of a day has a version within the day (`market_files`). Where it says the same as before, the
row takes the version alone. The same words of one version that are read by newer tables replace the row. Where the
market is, is no part of what such a file says: a known place is kept, and one that was missing is taken from any
version.
"""

from dataclasses import dataclass
from typing import NamedTuple

from farmlokal.catalog.categories import OTHER
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.tags import product_tag, touched
from farmlokal.catalog.writing.outcomes import Applied, WriteOutcome

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
    """What the store holds of one identity; `id` is None until the row is inserted, `content` until it changes.

    What is to be written: changed, the whole row; placed, where it is; confirmed, its version.
    """

    id: int | None
    version: int
    digest: str
    live: bool
    category: str
    stock: int
    created_at: str
    lat: float | None = None
    lon: float | None = None
    content: ProductRecord | None = None
    changed: bool = False
    placed: bool = False
    confirmed: bool = False


DAY_S = 24 * 3600
"""What a market file says of a day has the versions from the day's first second on."""


def decide(stored: dict[Identity, Stored], change: Change, now: str) -> Decision:
    """Decide on `change`, given what is `stored`, which is brought up to date. Pure but for that.

    now: RFC 3339, the creation time of a record that has none.
    """
    identity = (change.source, change.external_id)
    row = stored.get(identity)
    digest = change.digest()
    if row is not None and (decision := _without_content(row, change, digest)) is not None:
        return decision
    if row is None:
        row = stored[identity] = Stored(None, change.version, digest, False, OTHER, stock=0, created_at=now)
    before = frozenset({row.category} if row.live else ())
    corrects = _corrects(row, change)
    row.version, row.digest, row.changed = change.version, digest, True
    if isinstance(change, Deletion):
        row.live = False
        row.content = None
        return Decision(WriteOutcome.DELETED if before else WriteOutcome.UNCHANGED, categories=before)
    if change.said is not None and change.lat is None and row.lat is not None:
        change = change._replace(lat=row.lat, lon=row.lon)
    row.live = True
    row.content = change
    row.category = change.category
    row.stock = row.stock if change.stock is None else change.stock
    row.created_at = change.created_at or row.created_at
    row.lat, row.lon = change.lat, change.lon
    outcome = (WriteOutcome.CORRECTED if corrects else WriteOutcome.UPDATED) if before else WriteOutcome.CREATED
    return Decision(outcome, categories=before | {change.category})


def applied(decision: Decision, product_id: int | None, tags: set[str], repriced: set[int]) -> Applied:
    """What the caller of the writer gets of a decision that was carried out.

    product_id: of the row, which exists by now wherever there is an effect. tags: what the batch touched beside its
    products. repriced: the products of which it told a day's prices.
    """
    if product_id is None or not decision.categories:
        # An older day is no new version of the product, but part of its history.
        of_history = [product_tag(product_id)] if product_id in repriced and product_id is not None else []
        return Applied(decision.outcome, decision.reason, frozenset(of_history))
    touches = touched(product_id, decision.categories)
    touches |= tags
    return Applied(decision.outcome, decision.reason, frozenset(touches))


def _without_content(row: Stored, change: Change, digest: str) -> Decision | None:
    """Decide on a change that leaves the content as it is; None for one that does not."""
    if change.version < row.version:
        return _placed(row, change) or Decision(WriteOutcome.OUTDATED)
    of_market = isinstance(change, ProductRecord) and change.said is not None
    if digest == row.digest:
        if not (row.live or isinstance(change, Deletion)):
            return None
        if change.version > row.version:
            if not of_market:
                return None
            row.version, row.confirmed = change.version, True
        return _placed(row, change) or Decision(WriteOutcome.UNCHANGED)
    if change.version > row.version or (isinstance(change, ProductRecord) and change.says_as(row.digest)):
        return None
    return Decision(WriteOutcome.REJECTED, f"version {change.version} is already here with other content")


def _corrects(row: Stored, change: Change) -> bool:
    """Whether a market file says something new of a day that another has told of."""
    of_market = isinstance(change, ProductRecord) and change.said is not None
    return of_market and change.version > row.version and change.version // DAY_S == row.version // DAY_S


def _placed(row: Stored, change: Change) -> Decision | None:
    """Take the place of a market row for a product that has none, whatever the version: it does not grow old."""
    if not (isinstance(change, ProductRecord) and change.said is not None and row.live):
        return None
    if change.lat is None or row.lat is not None:
        return None
    row.lat, row.lon = change.lat, change.lon
    if row.content is None:
        row.placed = True
    else:
        row.content = row.content._replace(lat=row.lat, lon=row.lon)
    return Decision(WriteOutcome.UPDATED, categories=frozenset({row.category}))
