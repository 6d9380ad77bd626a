"""Receiving one verified delivery: the inbox row and the effect in one transaction, then the invalidation."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from farmlokal.database.interface import Database, Session
from farmlokal.database.touching import NO_TAGS, Invalidate, commit_touching
from farmlokal.errors import EventConflict, EventDead
from farmlokal.telemetry import get_logger
from farmlokal.webhooks.events import Event, EventResult, Prepare, read_event
from farmlokal.webhooks.inbox import Inbox, InboxRow, State, body_hash

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to the sender: whether the event was here before, and its effect then or now.

    unknown_category: what it calls a category that is not in the list, and became `other`; else None
    """

    duplicate: bool
    effect: str
    unknown_category: str | None = None


class Receiver:
    """Lets each event take effect once, however often it is delivered and whichever process dies meanwhile.

    A transaction that does not commit leaves no inbox row: then the sender's next delivery is the first. One that did
    commit leaves its row with the tags it touched, which a duplicate invalidates again, in case the first receiver died
    before it did. Nobody knows whether one did whose COMMIT was not answered: its tags are invalidated,
    and the sender's next delivery finds the row, or is the first.
    """

    def __init__(
        self, database: Database, inbox: Inbox, handlers: Mapping[str, Prepare], invalidate: Invalidate
    ) -> None:
        """handlers: what prepares an event, by its type; every other type is stored and ignored."""
        self._database = database
        self._inbox = inbox
        self._handlers = handlers
        self._invalidate = invalidate
        self.tally: Counter[str] = Counter()  # by effect, and `duplicate`, `dead`, `conflict`
        self.unknown_categories = 0

    def __repr__(self) -> str:
        return f"<Receiver {dict(self.tally)}>"

    async def receive(self, event_id: str, body: bytes) -> Receipt:
        """Receive one delivery whose signature was verified.

        Raises EventConflict where the id is known with another body, EventDead where the event can have no effect,
        and Unavailable where the database cannot answer: the sender is to deliver again.
        """
        event = read_event(body, self._handlers)
        digest = body_hash(body)
        text = body.decode("utf-8", "replace")  # a body that is no text stays dead: its exact bytes are of no use

        async def work(session: Session) -> tuple[tuple[InboxRow, EventResult | None], frozenset[str]]:
            row = await self._inbox.claim(session, event_id, digest, event.type)
            if row.body_hash != digest:
                return (row, None), NO_TAGS
            if row.attempts > 1:
                return (row, None), row.tags
            result, tags = await self._apply(session, event_id, event, text)
            return (row, result), tags

        row, result = await commit_touching(self._database, work, self._invalidate)
        if row.body_hash != digest:
            self.tally["conflict"] += 1
            raise EventConflict("this webhook-id came before with another body")
        reason = row.reason if result is None else result.dead
        if reason is not None:
            self.tally["dead"] += 1
            if result is not None:
                _log.warning("event is dead", event_id=event_id, type=event.type, reason=reason)
            raise EventDead(reason)
        self.tally[result.effect if result else "duplicate"] += 1
        if result is not None and event.unknown_category is not None:
            self.unknown_categories += 1
            _log.warning("unknown category becomes other", event_id=event_id, category=event.unknown_category)
        return Receipt(
            duplicate=result is None,
            effect=result.effect if result else row.effect,
            unknown_category=event.unknown_category,
        )

    async def replay(self, event_id: str) -> EventResult | None:
        """Try a dead event again. Returns its result now; None where the event is not dead, or unknown."""

        async def work(session: Session) -> tuple[EventResult | None, frozenset[str]]:
            found = await self._inbox.claim_dead(session, event_id)
            if found is None:
                return None, NO_TAGS
            return await self._apply(session, event_id, read_event(found.body, self._handlers), found.body)

        return await commit_touching(self._database, work, self._invalidate)

    async def _apply(
        self, session: Session, event_id: str, event: Event, text: str
    ) -> tuple[EventResult, frozenset[str]]:
        """Apply `event` and the events that waited for it. Returns its result, and the tags that they all touched."""
        result = await event.apply(session)
        await self._inbox.settle(session, event_id, result, text)
        tags = result.tags
        if result.wakes is not None:
            for waiting_id in await self._inbox.waiting(session, result.wakes):
                found = await self._inbox.claim_dead(session, waiting_id)
                if found is not None:
                    woken = read_event(found.body, self._handlers)
                    _, more = await self._apply(session, waiting_id, woken, found.body)
                    tags |= more
        return result, tags


async def replay_all(receiver: Receiver, inbox: Inbox) -> Counter[State]:
    """Try every dead event again. Returns how many are done now, and how many are still dead."""
    counts: Counter[State] = Counter()
    for event_id in await inbox.dead_ids():
        result = await receiver.replay(event_id)
        # None where another event has woken this one meanwhile: then it is done.
        counts[State.DEAD if result is not None and result.dead is not None else State.DONE] += 1
    return counts
