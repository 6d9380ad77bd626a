"""What one transaction does with the deliveries of a batch.

It locks the rows of those events that were here before, applies the others, and inserts their rows with what became of
them. That an event takes effect once is what the rows' key decides: where another process has let one of them take
effect meanwhile, the INSERT fails, and with it all that the transaction did.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from farmlokal.database.interface import Session
from farmlokal.database.touching import NO_TAGS
from farmlokal.webhooks.events import Event, EventResult
from farmlokal.webhooks.inbox import Inbox, InboxRow, NewEvent, Settled, State

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
    """What became of a delivery.

    result: what the event did, now or then; None where its id is another body's, which is a conflict. now: whether it
    was now. before: its row from before; None where it is new.
    """

    result: EventResult | None
    now: bool
    before: InboxRow | None

    @property
    def tags(self) -> frozenset[str]:
        """The cache tags that the event touched, now or then."""
        return NO_TAGS if self.result is None else self.result.tags


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
    attempts = Counter(one.name for one in deliveries)
    rows = await inbox.lock(session, {one.event_id for one in deliveries})
    digests = {event_id: row.body_hash for event_id, row in rows.items()}
    for one in deliveries:
        digests.setdefault(one.event_id, one.digest)  # of two bodies under a new id, the first one is the event
    events = {one.event_id: one for one in deliveries if one.digest == digests[one.event_id]}
    new = [one for event_id, one in events.items() if event_id not in rows]
    dead = [one for event_id, one in events.items() if event_id in rows and rows[event_id].state is State.DEAD]
    done = [one for event_id, one in events.items() if event_id in rows and rows[event_id].state is State.DONE]
    due = [*new, *dead]
    applied = await _applied(session, [one.event for one in due])
    settled = {one.event_id: Settled(one.event_id, result, one.text) for one, result in zip(due, applied, strict=True)}
    for state, again in ((State.DONE, done), (State.DEAD, dead)):
        await inbox.count_again(session, {one.name: attempts[one.name] for one in again}, state)
    inbox.settle(session, [settled[one.event_id] for one in dead])
    inbox.add(session, [NewEvent(settled[one.event_id], one.digest, one.event.type, attempts[one.name]) for one in new])
    results = {event_id: one.result for event_id, one in settled.items()}
    results |= {one.event_id: rows[one.event_id].result for one in done}
    return {
        one.name: Outcome(
            results[one.event_id] if one.digest == digests[one.event_id] else None,
            one.event_id in settled,
            rows.get(one.event_id),
        )
        for one in deliveries
    }


async def _applied(session: Session, events: Sequence[Event]) -> list[EventResult]:
    part = events[0].part if len(events) > 1 else None
    if part is None:
        return [await event.apply(session) for event in events]
    return await part.apply_all(session, [event.part.content for event in events if event.part is not None])
