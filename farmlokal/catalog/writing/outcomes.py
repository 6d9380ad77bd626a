"""What became of a record that was handed to the store."""

from collections import Counter
from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """The effect of one record or deletion."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    UNCHANGED = "unchanged"  # the version and content that the store holds
    OUTDATED = "outdated"  # an older version than the store holds: no effect
    REJECTED = "rejected"  # the store's version with other content: no effect


class Applied(NamedTuple):
    """The outcome of one record; `reason` says why it was rejected."""

    outcome: Outcome
    reason: str | None = None


Tally = Counter[Outcome]
"""How many records came to which outcome."""
