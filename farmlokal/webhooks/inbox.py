"""The inbox: one row for each event id, which decides that an event takes effect once. Statements, no policy."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

import orjson

from farmlokal.database.dialect import IN_VALUES_MAX
from farmlokal.database.interface import Database, Row, Session
from farmlokal.webhooks.events import EventResult

# Long lists of faults are cut: the first ones say enough.
_REASON_CHARS_MAX = 1000


class State(StrEnum):
    """done: nothing is left to do. dead: the event could not take effect; a replay tries again."""

    DONE = "done"
    DEAD = "dead"


class InboxRow(NamedTuple):
    """One event as it is stored.

    reason: why it is dead, or None. attempts: how often it was delivered. tags: the cache tags it touched.
    updated_at: when it was delivered last.
    """

    event_id: str
    body_hash: str
    type: str
    state: State
    effect: str
    reason: str | None
    attempts: int
    tags: frozenset[str]
    received_at: str
    updated_at: str

    @property
    def result(self) -> EventResult:
        """What became of the event."""
        return EventResult(self.effect, self.tags, dead=self.reason)


class DeadEvent(NamedTuple):
    """A dead event with the body of its delivery."""

    event_id: str
    body: str


class Settled(NamedTuple):
    """What became of an event, and its body."""

    event_id: str
    result: EventResult
    body: str


class NewEvent(NamedTuple):
    """What became of an event that has no row yet. digest: its body's `body_hash`. attempts: deliveries at once."""

    settled: Settled
    digest: str
    type: str
    attempts: int


class WaitingEvent(NamedTuple):
    """A dead event, and the key that it waits for."""

    event_id: str
    key: str


_COLUMNS = "event_id, body_hash, type, state, effect, reason, attempts, tags, received_at, updated_at"
_INSERT = (
    "INSERT INTO webhook_inbox (event_id, body_hash, type, attempts, tags, received_at, updated_at, state, effect,"
    " reason, waits_for, body) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
_DUE = "SELECT event_id, body FROM webhook_inbox WHERE state = 'dead'"
# Dead events alone wait: `settle` sees to that.
_WAITING = "SELECT event_id, waits_for, received_at FROM webhook_inbox WHERE waits_for {condition}"
_ANY_WAITING = "SELECT 1 FROM webhook_inbox WHERE waits_for IS NOT NULL LIMIT 1"


def body_hash(body: bytes) -> str:
    """Returns the SHA-256 of `body` in 64 hexadecimal digits."""
    return hashlib.sha256(body).hexdigest()


class Inbox:
    """The rows of `webhook_inbox`. now: the wall clock, injected by tests."""

    def __init__(self, database: Database, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._dialect = database.dialect
        self._now = now

    async def lock(self, session: Session, event_ids: Collection[str]) -> dict[str, InboxRow]:
        """Returns the rows of those events that have one, locked until the transaction ends."""
        rows = await session.fetch_texts(
            f"SELECT {_COLUMNS} FROM webhook_inbox WHERE event_id IN ({', '.join(['%s'] * len(event_ids))})"
            f"{self._dialect.for_update}",
            sorted(event_ids),
        )
        found = [_row(tuple([None if text is None else text.decode() for text in row])) for row in rows]
        return {row.event_id: row for row in found}

    def add(self, session: Session, events: Sequence[NewEvent]) -> None:
        """Have rows inserted before the COMMIT, for events that `lock` has found none of.

        Where another transaction has inserted one of them meanwhile, its key is taken: then this one is undone and runs
        again, and `lock` finds the row. (INSERT IGNORE would leave the effects without it.)
        """
        now = self._time_in(self._now())
        # In one order in every transaction, so that two with the same events cannot wait for each other.
        ordered = sorted(events, key=lambda event: event.settled.event_id)
        session.defer(_INSERT, [_new_row(one, now) for one in ordered])

    async def count_again(
        self, session: Session, deliveries: Mapping[tuple[str, str], int], state: State = State.DONE
    ) -> int:
        """Count further deliveries of events in `state`, by id and digest. Returns how many of these there are."""
        if not deliveries:
            return 0
        ids, digests = zip(*sorted(deliveries), strict=True)
        counts = [value for (event_id, _), times in deliveries.items() for value in (event_id, times)]
        marks = ", ".join(["%s"] * len(ids))
        return await session.execute(
            f"UPDATE webhook_inbox SET attempts = attempts + CASE event_id {'WHEN %s THEN %s ' * len(ids)}END,"
            f" updated_at = %s WHERE state = %s AND event_id IN ({marks}) AND body_hash IN ({marks})",
            (*counts, self._time_in(self._now()), state, *ids, *digests),
        )

    def settle(self, session: Session, settled: Sequence[Settled]) -> None:
        """Have stored before the COMMIT what became of events that have rows. The body is kept while the event is dead.

        Not when: it is forgotten so long after its last delivery, however often it was tried again here.
        """
        # What came to the same is stored by one statement, but for the tags.
        alike: dict[tuple[object, ...], list[Settled]] = {}
        for one in settled:
            alike.setdefault(_stored(one), []).append(one)
        for values, events in alike.items():
            tags = [value for one in events for value in (one.event_id, _tags(one))]
            session.defer(
                "UPDATE webhook_inbox SET state = %s, effect = %s, reason = %s, waits_for = %s, body = %s,"
                f" tags = CASE event_id {'WHEN %s THEN %s ' * len(events)}END"
                f" WHERE event_id IN ({', '.join(['%s'] * len(events))})",
                [(*values, *tags, *(one.event_id for one in events))],
            )

    async def claim_dead(self, session: Session, event_id: str) -> DeadEvent | None:
        """Returns one dead event, locked; None where it is not dead, or unknown."""
        rows = await session.fetch(f"{_DUE} AND event_id = %s{self._dialect.for_update}", (event_id,))
        return DeadEvent(*rows[0]) if rows else None

    async def find(self, event_id: str) -> InboxRow | None:
        """Returns the event's row as it was committed last."""
        rows = await self._database.fetch(f"SELECT {_COLUMNS} FROM webhook_inbox WHERE event_id = %s", (event_id,))
        return _row(rows[0]) if rows else None

    async def any_waiting(self) -> bool:
        """Returns whether any event waits."""
        return bool(await self._database.fetch_unlimited(_ANY_WAITING))

    async def waiting(self, keys: Collection[str] | None) -> list[WaitingEvent]:
        """Returns the dead events that wait for one of `keys`, or with None for any, the oldest first."""
        if keys is None:
            found = await self._database.fetch_unlimited(_WAITING.format(condition="IS NOT NULL"))
        else:
            found = [row for chunk in _chunks(sorted(keys)) for row in await self._waiting_for(chunk)]
        return [WaitingEvent(event_id, key) for event_id, key, _ in sorted(found, key=lambda row: (row[2], row[0]))]

    async def awaited(self, keys: Collection[str]) -> frozenset[str]:
        """Returns those of `keys` for which dead events wait. keys: at most IN_VALUES_MAX."""
        if not keys:
            return frozenset()
        condition = f"IN ({', '.join(['%s'] * len(keys))})"
        rows = await self._database.fetch_texts(
            f"SELECT DISTINCT waits_for FROM webhook_inbox WHERE waits_for {condition}", sorted(keys)
        )
        return frozenset(key.decode() for (key,) in rows if key is not None)

    async def _waiting_for(self, keys: Sequence[str]) -> list[Row]:
        condition = f"IN ({', '.join(['%s'] * len(keys))})"
        return await self._database.fetch_unlimited(_WAITING.format(condition=condition), keys)

    async def rows(self, state: State | None, *, limit: int) -> list[InboxRow]:
        """Returns up to `limit` events, the newest first; of one state, or of all."""
        condition, params = ("WHERE state = %s", [str(state)]) if state else ("", [])
        statement = (
            f"SELECT {_COLUMNS} FROM webhook_inbox {condition} ORDER BY received_at DESC, event_id LIMIT {limit}"
        )
        return [_row(row) for row in await self._database.fetch_unlimited(statement, params)]

    async def dead_ids(self) -> list[str]:
        """Returns the ids of all dead events, the oldest first."""
        statement = "SELECT event_id FROM webhook_inbox WHERE state = 'dead' ORDER BY received_at, event_id"
        return [row[0] for row in await self._database.fetch_unlimited(statement)]

    async def count(self, state: State, *, counted_max: int) -> int:
        """Returns the number of events in `state`, counted along an index and up to `counted_max`."""
        counted = f"SELECT 1 AS found FROM webhook_inbox WHERE state = %s LIMIT {counted_max}"
        rows = await self._database.fetch(f"SELECT COUNT(*) FROM ({counted}) AS counted", (state,))
        return int(rows[0][0])

    async def delete_unused(self, keep: timedelta, *, rows_max: int) -> int:
        """Delete up to `rows_max` events that were not delivered for `keep`; returns their number."""
        before = self._time_in(self._now() - keep)
        ids = await self._database.fetch_unlimited(
            f"SELECT event_id FROM webhook_inbox WHERE updated_at < %s ORDER BY updated_at LIMIT {rows_max}", (before,)
        )
        if not ids:
            return 0
        marks = ", ".join(["%s"] * len(ids))

        async def work(session: Session) -> int:
            # Checked again: one of them may have been delivered once more since.
            return await session.execute(
                f"DELETE FROM webhook_inbox WHERE event_id IN ({marks}) AND updated_at < %s",
                [*(row[0] for row in ids), before],
            )

        return await self._database.in_transaction(work)

    def _time_in(self, moment: datetime) -> str:
        return self._dialect.time_in(moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))


def _chunks(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    return (keys[start : start + IN_VALUES_MAX] for start in range(0, len(keys), IN_VALUES_MAX))


def _new_row(event: NewEvent, now: str) -> tuple[object, ...]:
    settled, digest, event_type, attempts = event
    return (settled.event_id, digest, event_type, attempts, _tags(settled), now, now, *_stored(settled))


def _tags(settled: Settled) -> str:
    return orjson.dumps(sorted(settled.result.tags)).decode()


def _stored(settled: Settled) -> tuple[object, ...]:
    """What is stored of an event beside its tags."""
    result = settled.result
    is_dead = result.dead is not None
    return (
        State.DEAD if is_dead else State.DONE,
        result.effect,
        result.dead[:_REASON_CHARS_MAX] if result.dead is not None else None,
        result.waits_for,
        settled.body if is_dead else None,
    )


def _row(row: tuple[object, ...]) -> InboxRow:
    event_id, digest, event_type, state, effect, reason, attempts, tags, received_at, updated_at = row
    return InboxRow(
        event_id=str(event_id),
        body_hash=str(digest),
        type=str(event_type),
        state=State(str(state)),
        effect=str(effect),
        reason=None if reason is None else str(reason),
        attempts=int(str(attempts)),
        tags=frozenset(orjson.loads(str(tags))),
        received_at=str(received_at),
        updated_at=str(updated_at),
    )
