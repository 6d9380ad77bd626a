"""Events that this process has seen through, when they are delivered again: counted by one statement, and done."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from farmlokal.database.interface import Database, Session
from farmlokal.webhooks.batch import Named
from farmlokal.webhooks.group_commit import GroupCommit
from farmlokal.webhooks.inbox import Inbox

# A sender that had no answer in time delivers again within minutes, most often. About 2 MB.
_REMEMBERED_MAX = 4096


class SeenThrough(NamedTuple):
    """An event that took effect, or was to have none, with all that follows from it.

    tags: that it touched. unknown_category: as in the answer to its sender.
    """

    effect: str
    tags: frozenset[str]
    unknown_category: str | None


class Repeats:
    """Remembers events that are done, and counts their deliveries.

    Nothing more can come of such an event as long as its row is there: it is neither read nor tried again. Whether the
    row is there is what the count says. What only other processes have seen through goes the long way.
    """

    def __init__(self, database: Database, inbox: Inbox) -> None:
        self._database = database
        self._inbox = inbox
        self._seen: dict[Named, SeenThrough] = {}
        self._counting: GroupCommit[Named, bool] = GroupCommit(self._count)

    def __repr__(self) -> str:
        return f"<Repeats seen={len(self._seen)} {self._counting!r}>"

    def remember(self, name: Named, event: SeenThrough) -> None:
        """Know that an event is done, and that who waited for it was told."""
        if len(self._seen) >= _REMEMBERED_MAX:
            del self._seen[next(iter(self._seen))]
        self._seen[name] = event

    async def receive(self, name: Named) -> SeenThrough | None:
        """Count one more delivery of an event. Returns what is known of it; None where that is not enough.

        Raises Unavailable.
        """
        event = self._seen.get(name)
        if event is None or not await self._counting.submit(name):
            self._seen.pop(name, None)
            return None
        return event

    async def _count(self, names: Sequence[Named]) -> Sequence[bool | Exception]:
        deliveries = Counter(names)

        async def work(session: Session) -> int:
            return await self._inbox.count_again(session, deliveries)

        # Where a row is gone, forgotten as one that is not delivered any more, nobody's word is good enough.
        all_there = await self._database.in_transaction(work) == len(deliveries)
        return [all_there] * len(names)
