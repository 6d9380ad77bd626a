"""What one transaction does with the deliveries of a batch: claims their rows, applies the events, settles them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from farmlokal.database.interface import Session
from farmlokal.database.touching import NO_TAGS
from farmlokal.webhooks.events import Event, EventResult
from farmlokal.webhooks.inbox import Claim, Inbox, InboxRow, Settled, State

Named = tuple[str, str]
"""An event's id and a body's digest."""


class Delivered(NamedTuple):
    """One delivery. digest: its `body_hash`. text: the body as it is kept while the event is dead."""

    event_id: str
    digest: str
    event: Event
    text: str

    @property
    def name(self) -> Named:
        """What another delivery of the same event has, too."""
        return self.event_id, self.digest


class Outcome(NamedTuple):
    """What became of a delivery: the event's row as it was claimed, and what the event did now.

    result: None where it did nothing now: the row is of another body (conflict), or the event is a duplicate.
    """

    row: InboxRow
    result: EventResult | None
    conflict: bool

    @property
    def tags(self) -> frozenset[str]:
        """The cache tags that the event touched, now or then."""
        if self.conflict:
            return NO_TAGS
        return self.row.tags if self.result is None else self.result.tags


class Taken(NamedTuple):
    """What a batch gives to each of its deliveries.

    awaited: the keys among those that the batch's events wake for which dead events wait. again: whether the batch has
    an earlier delivery of the same event.
    """

    outcome: Outcome
    awaited: frozenset[str]
    again: bool


async def settle(session: Session, inbox: Inbox, deliveries: Sequence[Delivered]) -> dict[Named, Outcome]:
    """Let the events of `deliveries` take effect in the caller's transaction. Returns what became of each.

    Of one event that was delivered several times there is one effect. The events have one kind of part, or none.
    """
    distinct = {one.name: one for one in deliveries}
    attempts = Counter(one.name for one in deliveries)
    claims = [Claim(*name, one.event.type, attempts[name]) for name, one in distinct.items()]
    rows = await inbox.claim(session, claims)
    due = [distinct[claim.event_id, claim.digest] for claim in claims if _is_due(claim, rows)]
    results = await _applied(session, [one.event for one in due])
    settled = [Settled(one.event_id, result, one.text) for one, result in zip(due, results, strict=True)]
    if settled:
        await inbox.settle(session, settled)
    of_event = {one.event_id: one.result for one in settled}
    return {name: _outcome(rows[name[0]], name[1], of_event.get(name[0])) for name in distinct}


def _outcome(row: InboxRow, digest: str, result: EventResult | None) -> Outcome:
    conflict = row.body_hash != digest
    return Outcome(row, None if conflict else result, conflict)


def _is_due(claim: Claim, rows: Mapping[str, InboxRow]) -> bool:
    """Whether the event is new, or dead."""
    row = rows[claim.event_id]
    return row.body_hash == claim.digest and (row.attempts == claim.attempts or row.state is State.DEAD)


async def _applied(session: Session, events: Sequence[Event]) -> list[EventResult]:
    part = events[0].part if len(events) > 1 else None
    if part is None:
        return [await event.apply(session) for event in events]
    return await part.apply_all(session, [event.part.content for event in events if event.part is not None])
