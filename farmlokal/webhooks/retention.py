"""The retention of the inbox: older events are deleted in the background."""

from datetime import timedelta

from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger
from farmlokal.webhooks.inbox import Inbox

_log = get_logger(__name__)

_EVERY_S = 3600
# A transaction of so many locks no row for long.
_ROWS_AT_ONCE = 1000


class Retention:
    """Deletes events that were not delivered for `keep_days` days.

    That is longer than the sender goes on retrying: an event that was deleted would take effect again.
    """

    def __init__(self, inbox: Inbox, *, keep_days: int, every_s: float = _EVERY_S) -> None:
        """every_s: seconds between two looks."""
        self._inbox = inbox
        self._keep = timedelta(days=keep_days)
        self._every_s = every_s

    def __repr__(self) -> str:
        return f"<Retention keep={self._keep.days} days>"

    async def delete_due(self) -> int:
        """Delete every event that is due; returns their number. Raises FarmLokalError."""
        total = 0
        while deleted := await self._inbox.delete_unused(self._keep, rows_max=_ROWS_AT_ONCE):
            total += deleted
        if total:
            _log.info("old events deleted", events=total)
        return total

    async def keep(self) -> None:
        """Delete now and every hour, until cancelled."""
        await every(self._every_s, self.delete_due, log=_log, failed="old events could not be deleted")
