"""What became of a record or a deletion that was handed to the writer."""

from collections import Counter
from enum import StrEnum
from typing import NamedTuple


class WriteOutcome(StrEnum):
    """The effect of one record or deletion."""

    CREATED = "created"
    UPDATED = "updated"
    CORRECTED = "corrected"  # a market file says something else of a day that an earlier file told of
    DELETED = "deleted"
    UNCHANGED = "unchanged"  # the version and content that the store holds
    OUTDATED = "outdated"  # an older version than the store holds: no effect
    REJECTED = "rejected"  # the store's version with other content: no effect


class Applied(NamedTuple):
    """What became of one record or deletion.

    reason: why it was rejected
    tags: the cache tags to invalidate once the change is committed; none where it had no effect. An outdated row of a
    market file may tell of a day in the product's history
    """

    outcome: WriteOutcome
    reason: str | None = None
    tags: frozenset[str] = frozenset()


Tally = Counter[WriteOutcome]
"""How many records came to which outcome."""
