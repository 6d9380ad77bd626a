"""Taking one verified delivery in: the inbox row and the effect in one transaction, then the caches."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from farmlokal.database.interface import Database, Session
from farmlokal.errors import EventConflict, EventDead
from farmlokal.telemetry import get_logger
from farmlokal.webhooks.events import Event, Landing, Prepare, read_event
from farmlokal.webhooks.inbox import Inbox, InboxRow, State, body_hash

_log = get_logger(__name__)

Invalidate = Callable[[frozenset[str]], Awaitable[None]]
"""Told the tags that a committed event touched."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender is told: whether the event was here before, and what it did then or now."""

    duplicate: bool
    effect: str


class Receiver:
    """Lets each event take effect once, however often it is delivered and whoever dies meanwhile.

    A transaction that does not commit leaves no inbox row: then the sender's next delivery is the first. One that did
    commit leaves its row with the tags it touched, which a duplicate sends again, in case the first receiver died
    before it told the caches.
    """

    def __init__(
        self, database: Database, inbox: Inbox, handlers: Mapping[str, Prepare], invalidate: Invalidate
    ) -> None:
        """handlers: what to do by event type; every other type is recorded and ignored."""
        self._database = database
        self._inbox = inbox
        self._handlers = handlers
        self._invalidate = invalidate
        self.tally: Counter[str] = Counter()  # effects, and `duplicate`, `dead`, `conflict`

    def __repr__(self) -> str:
        return f"<Receiver {dict(self.tally)}>"

    async def receive(self, event_id: str, body: bytes) -> Receipt:
        """Take in one delivery whose signature holds.

        Raises EventConflict where the id is known with another body, EventDead where the event can have no effect,
        and Unavailable where the database cannot answer: the sender is to come again.
        """
        event = read_event(body, self._handlers)
        digest = body_hash(body)
        text = body.decode("utf-8", "replace")  # what is no text is dead for good: its exact bytes are of no use

        async def work(session: Session) -> tuple[InboxRow, Landing | None, frozenset[str]]:
            row = await self._inbox.claim(session, event_id, digest, event.type)
            if row.body_hash != digest or row.attempts > 1:
                return row, None, row.tags
            landing, tags = await self._land(session, event_id, event, text)
            return row, landing, tags

        row, landing, tags = await self._database.in_transaction(work)
        if row.body_hash != digest:
            self.tally["conflict"] += 1
            raise EventConflict("this webhook-id came before with another body")
        if tags:
            await self._invalidate(tags)
        reason = row.reason if landing is None else landing.dead
        if reason is not None:
            self.tally["dead"] += 1
            if landing is not None:
                _log.warning("event is dead", event_id=event_id, type=event.type, reason=reason)
            raise EventDead(reason)
        self.tally[landing.effect if landing else "duplicate"] += 1
        return Receipt(duplicate=landing is None, effect=landing.effect if landing else row.effect)

    async def replay(self, event_id: str) -> Landing | None:
        """Try a dead event again; how it landed now, or None where it is not dead, or unknown."""

        async def work(session: Session) -> tuple[Landing, frozenset[str]] | None:
            found = await self._inbox.take_dead(session, event_id)
            if found is None:
                return None
            return await self._land(session, event_id, read_event(found.body, self._handlers), found.body)

        done = await self._database.in_transaction(work)
        if done is None:
            return None
        landing, tags = done
        if tags:
            await self._invalidate(tags)
        return landing

    async def _land(self, session: Session, event_id: str, event: Event, text: str) -> tuple[Landing, frozenset[str]]:
        """Apply `event`, and whatever waited for it; how it landed, and every tag that was touched on the way."""
        landing = await event.apply(session)
        await self._inbox.settle(session, event_id, landing, text)
        tags = landing.tags
        if landing.wakes is not None:
            for waiting_id in await self._inbox.waiting(session, landing.wakes):
                found = await self._inbox.take_dead(session, waiting_id)
                if found is not None:
                    woken = read_event(found.body, self._handlers)
                    _, more = await self._land(session, waiting_id, woken, found.body)
                    tags |= more
        return landing, tags


async def replay_all(receiver: Receiver, inbox: Inbox) -> Counter[State]:
    """Try every dead event again; how many are done now and how many are still dead."""
    counts: Counter[State] = Counter()
    for event_id in await inbox.dead_ids():
        landing = await receiver.replay(event_id)
        # None where another one has woken it meanwhile: then it is done.
        counts[State.DEAD if landing is not None and landing.dead is not None else State.DONE] += 1
    return counts
