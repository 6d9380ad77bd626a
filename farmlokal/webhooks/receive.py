"""Receiving verified deliveries: the inbox rows and the effects in one transaction, then what follows from it.

::

    BEGIN, effects, inbox rows, COMMIT    of all that arrived together; each event is done, or dead
    done: invalidate, wake                the events that wait for what it is about are tried again
    dead: look again                      what it waits for may have come before it could be seen to wait
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from farmlokal.database.interface import Database, Session
from farmlokal.database.touching import NO_TAGS, Invalidate, commit_touching
from farmlokal.errors import EventConflict, EventDead, Unavailable
from farmlokal.telemetry import get_logger
from farmlokal.webhooks.batch import Delivered, Named, Outcome, Taken, settle
from farmlokal.webhooks.events import ApplyAll, Event, EventResult, Prepare, read_event
from farmlokal.webhooks.group_commit import GroupCommit
from farmlokal.webhooks.inbox import Inbox, Settled, State, body_hash
from farmlokal.webhooks.repeated import Repeats, SeenThrough

_log = get_logger(__name__)

# Of the events that wait for one product, in a row: where its stock is used up, thousands may wait, and each would be
# tried in vain whenever the product changes. What is passed over is tried when it is delivered again.
_VAIN_TRIES_MAX = 20


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
    commit leaves its row with the tags it touched. A duplicate invalidates them again, and wakes again, in case the
    first receiver died before it did; a dead event that is delivered again is tried again. Nobody knows whether one did
    whose COMMIT was not answered: its tags are invalidated, and the sender's next delivery finds the row, or is the
    first.

    What this process has seen through is not read again when it comes again (`Repeats`).

    What arrives while a transaction is under way shares the next one (`GroupCommit`), and is answered after its COMMIT.

    Whatever is woken has a transaction of its own, after the one that wakes it: with one event's locks at a time there
    is no deadlock, and each event takes effect or does not for itself.
    """

    def __init__(
        self, database: Database, inbox: Inbox, handlers: Mapping[str, Prepare], invalidate: Invalidate
    ) -> None:
        """handlers: what prepares an event, by its type; every other type is stored and ignored."""
        self._database = database
        self._inbox = inbox
        self._handlers = handlers
        self._invalidate = invalidate
        self._batches: defaultdict[ApplyAll | None, GroupCommit[Delivered, Taken]] = defaultdict(
            lambda: GroupCommit(self._take_in)
        )
        self._repeats = Repeats(database, inbox)
        self.tally: Counter[str] = Counter()  # by effect, and `duplicate`, `dead`, `conflict`
        self.unknown_categories = 0

    def __repr__(self) -> str:
        return f"<Receiver {dict(self.tally)}>"

    async def receive(self, event_id: str, body: bytes) -> Receipt:
        """Receive one delivery whose signature was verified.

        Raises EventConflict where the id is known with another body, EventDead where the event can have no effect,
        and Unavailable where the database cannot answer: the sender is to deliver again.
        """
        name = event_id, body_hash(body)
        seen = await self._repeats.receive(name)
        if seen is not None:
            self.tally["duplicate"] += 1
            if seen.tags:
                await self._invalidate(seen.tags)
            return Receipt(duplicate=True, effect=seen.effect, unknown_category=seen.unknown_category)
        event = read_event(body, self._handlers)
        text = body.decode("utf-8", "replace")  # a body that is no text stays dead: its exact bytes are of no use
        taken = await self._batches_of(event).submit(Delivered(*name, event, text))
        result, now, before = taken.outcome
        if result is None:
            self.tally["conflict"] += 1
            raise EventConflict("this webhook-id came before with another body")
        looked_again = now and result.waits_for is not None
        if looked_again:
            result = await self._look_again(event_id, result)
        if result.dead is not None:
            self.tally["dead"] += 1
            if before is None or result.dead != before.reason:  # redeliveries would only repeat it
                _log.warning("event is dead", event_id=event_id, type=event.type, reason=result.dead)
            raise EventDead(result.dead)
        if looked_again or not taken.awaited.isdisjoint(event.wakes):
            await self.wake(event.wakes)
        self._repeats.remember(name, SeenThrough(result.effect, result.tags, event.unknown_category))
        return self._receipt(event_id, event, result.effect, duplicate=taken.again or not now)

    def _batches_of(self, event: Event) -> GroupCommit[Delivered, Taken]:
        """Events of one kind come into batches of their own: so every transaction locks its rows in one order."""
        kind = event.part.apply_all if event.part is not None else None
        return self._batches[kind]

    async def _take_in(self, deliveries: Sequence[Delivered]) -> list[Taken | Exception]:
        """Take in deliveries of one kind, and look who waits for what they bring."""
        outcomes = await self._commit(deliveries)
        awaited = await self._inbox.awaited({key for one in deliveries for key in one.event.wakes})
        met: set[Named] = set()
        taken: list[Taken | Exception] = []
        for one in deliveries:
            outcome = outcomes[one.name]
            taken.append(outcome if isinstance(outcome, Exception) else Taken(outcome, awaited, one.name in met))
            met.add(one.name)
        return taken

    async def _commit(self, deliveries: Sequence[Delivered]) -> dict[Named, Outcome | Exception]:
        """Let events take effect in one transaction. Where that fails they are tried again one by one.

        So what is wrong with one of them, or whatever was in its way, is no matter of the others.
        """
        events: dict[str, list[Delivered]] = {}
        for one in deliveries:
            events.setdefault(one.event_id, []).append(one)
        attempts = count(1)

        async def work(session: Session) -> tuple[dict[Named, Outcome], frozenset[str]]:
            if next(attempts) > 1 and len(events) > 1:
                raise _OthersInTheWay
            outcomes = await settle(session, self._inbox, deliveries)
            return outcomes, NO_TAGS.union(*(outcome.tags for outcome in outcomes.values()))

        try:
            return dict(await commit_touching(self._database, work, self._invalidate))
        except Unavailable as error:
            return {one.name: error for one in deliveries}
        except Exception as error:
            if len(events) == 1:
                return {one.name: error for one in deliveries}
            _log.debug("events are tried one by one", events=len(events), reason=repr(error))
            outcomes: dict[Named, Outcome | Exception] = {}
            for copies in events.values():
                alone = await self._commit(copies)
                outcomes |= alone
                away = next((error for error in alone.values() if isinstance(error, Unavailable)), None)
                if away is not None:  # for the others, too: each would wait for it as long
                    return {delivery.name: outcomes.get(delivery.name, away) for delivery in deliveries}
            return outcomes

    async def replay(self, event_id: str) -> EventResult | None:
        """Try a dead event again. Returns its result now; None where the event is not dead, or unknown."""
        tried = await self._try_again(event_id)
        if tried is None:
            return None
        event, result = tried
        if result.dead is None:
            await self.wake(event.wakes)
        return result

    async def any_waiting(self) -> bool:
        """Returns whether `wake` would have any event to try. Raises Unavailable."""
        return await self._inbox.any_waiting()

    async def wake(self, keys: Collection[str] | None) -> None:
        """Try the events that wait for one of `keys`, or with None for any; then those that wait for these in turn.

        Call it after the COMMIT of what may be waited for. Again does no harm. Raises Unavailable.
        """
        due = keys
        while due is None or due:
            woken: set[str] = set()
            in_vain: Counter[str] = Counter()
            for event_id, key in await self._inbox.waiting(due):
                if in_vain[key] == _VAIN_TRIES_MAX:
                    continue
                tried = await self._try_again(event_id)
                if tried is None or tried[1].dead is None:
                    in_vain[key] = 0
                    woken.update(tried[0].wakes if tried is not None else ())
                else:
                    in_vain[key] += 1
            due = woken

    async def _try_again(self, event_id: str) -> tuple[Event, EventResult] | None:
        """Returns a dead event and its result now, with what it touched invalidated; None where it is not dead."""

        async def work(session: Session) -> tuple[tuple[Event, EventResult] | None, frozenset[str]]:
            found = await self._inbox.claim_dead(session, event_id)
            if found is None:
                return None, NO_TAGS
            event = read_event(found.body, self._handlers)
            result = await event.apply(session)
            self._inbox.settle(session, [Settled(event_id, result, found.body)])
            return (event, result), result.tags

        tried = await commit_touching(self._database, work, self._invalidate)
        if tried is not None and tried[1].dead is None:
            event, result = tried
            _log.info("a dead event took effect", event_id=event_id, type=event.type, effect=result.effect)
        return tried

    async def _look_again(self, event_id: str, result: EventResult) -> EventResult:
        """Returns the result of a second try, after the COMMIT that shows the event as waiting.

        Whoever brings what it waits for commits that and then looks for waiting events. Where their look came before
        our COMMIT, their own COMMIT came before this second try.
        """
        tried = await self._try_again(event_id)
        if tried is not None:
            return tried[1]
        # Woken meanwhile: its row has what it did. Who woke it may have died before the invalidation.
        row = await self._inbox.find(event_id)
        if row is None:
            return result
        if row.tags:
            await self._invalidate(row.tags)
        return row.result

    def _receipt(self, event_id: str, event: Event, effect: str, *, duplicate: bool) -> Receipt:
        self.tally["duplicate" if duplicate else effect] += 1
        if not duplicate and event.unknown_category is not None:
            self.unknown_categories += 1
            _log.warning("unknown category becomes other", event_id=event_id, category=event.unknown_category)
        return Receipt(duplicate=duplicate, effect=effect, unknown_category=event.unknown_category)


class _OthersInTheWay(Exception):
    """A batch would have to run again: another transaction has locked or written rows of its events."""


async def replay_all(receiver: Receiver, inbox: Inbox) -> Counter[State]:
    """Try every dead event again. Returns how many are done now, and how many are still dead."""
    counts: Counter[State] = Counter()
    for event_id in await inbox.dead_ids():
        result = await receiver.replay(event_id)
        # None where another event has woken this one meanwhile: then it is done.
        counts[State.DEAD if result is not None and result.dead is not None else State.DONE] += 1
    return counts
