"""Numbering what the outbox holds: by one process at a time, which any other one replaces.

Who numbers has the one row of `change_log` locked from its look at the outbox to its COMMIT. That alone keeps numbers
apart, and lets them become visible in their order. The lease in that row only says who looks often: the others leave
it to the holder, and one of them takes over when the holder leaves something lying until its lease has ended. A holder
that was held up, and wakes, finds another's name there and does nothing.
"""

import secrets
from collections.abc import Sequence
from typing import NamedTuple

from farmlokal.catalog.changes.outbox import ids_in, rows_of, text_of
from farmlokal.database.interface import Database, Session
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

# The holder looks so often, with one statement that reads a row or none; the others need to know only that it is alive.
HOLDER_EVERY_S = 0.5
OTHERS_EVERY_S = 2.0
# Long against a stall of the event loop. A lease is lengthened by numbering alone: an idle catalogue is not written to.
LEASE_S = 3
_ROWS_PER_TURN = 200


class Pending(NamedTuple):
    """What has no number yet. rows: of the outbox. age_s: of its oldest, in seconds; 0 where there is none."""

    rows: int
    age_s: int


class Sequencer:
    """Numbers the changes of one database, in one of the processes that have a Sequencer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = database.dialect.unix_time_sql
        self._name = secrets.token_hex(8)
        self._holds = False
        self.numbered = 0

    def __repr__(self) -> str:
        return f"<Sequencer {self._name} holds={self._holds} numbered={self.numbered}>"

    async def keep(self) -> None:
        """Number again and again, until cancelled."""
        await every(
            lambda: HOLDER_EVERY_S if self._holds else OTHERS_EVERY_S,
            self.number,
            log=_log,
            failed="changes could not be numbered",
        )

    async def number(self) -> None:
        """Number all that is there, unless another process does. Raises DatabaseUnavailable."""
        ((pending, holder, held),) = await self._database.fetch(
            "SELECT EXISTS (SELECT 1 FROM change_outbox), holder, lease_until > " + self._now + " FROM"
            " (SELECT 1 AS one) AS one LEFT JOIN change_log ON change_log.id = 1"
        )
        self._holds = holder == self._name
        if not pending or (held and not self._holds):
            return
        while await self._database.in_transaction(self._number_some):
            pass

    async def pending(self) -> Pending:
        """What has no number yet. Raises DatabaseUnavailable."""
        ((rows, age_s),) = await self._database.fetch(
            f"SELECT COUNT(*), COALESCE({self._now} - MIN(noted_at), 0) FROM change_outbox"
        )
        return Pending(rows, max(0, age_s))

    async def _number_some(self, session: Session) -> bool:
        """Number a bounded part of what is there. Returns whether there may be more."""
        last = await self._hold(session)
        if last is None:
            return False
        noted = await session.fetch(f"SELECT id, product_ids FROM change_outbox ORDER BY id LIMIT {_ROWS_PER_TURN}")
        if not noted:
            return False
        # What was changed twice since the last look is read once.
        changed = list(dict.fromkeys(product_id for _, text in noted for product_id in ids_in(text)))
        last = await self._append(session, last, changed)
        # One by one: a list may be found by reading the whole table, which waits for rows that are not committed yet.
        await session.execute_many("DELETE FROM change_outbox WHERE id = %s", [(row_id,) for row_id, _ in noted])
        await session.execute(
            f"UPDATE change_log SET last = %s, holder = %s, lease_until = {self._now} + {LEASE_S} WHERE id = 1",
            (last, self._name),
        )
        self.numbered += len(changed)
        return len(noted) == _ROWS_PER_TURN

    async def _hold(self, session: Session) -> int | None:
        """Lock the log. Returns the number of its last change; None where it is another's to go on."""
        select = f"SELECT last, holder, lease_until > {self._now} FROM change_log WHERE id = 1"
        rows = await session.fetch(select + self._database.dialect.for_update)
        if not rows:
            await session.execute(
                f"{self._database.dialect.insert_ignore} INTO change_log (id, holder, lease_until) VALUES (1, %s, 0)",
                (self._name,),
            )
            rows = await session.fetch(select + self._database.dialect.for_update)
        ((last, holder, held),) = rows
        self._holds = holder == self._name or not held
        return int(last) if self._holds else None

    async def _append(self, session: Session, last: int, changed: Sequence[int]) -> int:
        """Write the rows of the log for `changed`, behind number `last`. Returns the last number."""
        values: list[object] = []
        for ids in rows_of(list(changed)):
            last += len(ids)
            values += (last, text_of(ids))
        row = f"(%s, %s, {self._now})"
        await session.execute(
            f"INSERT INTO changes (number, product_ids, numbered_at) VALUES {', '.join([row] * (len(values) // 2))}",
            values,
        )
        return last
