"""Forgetting old events, in the background."""

import asyncio
from datetime import timedelta

from farmlokal.errors import FarmLokalError, Unavailable
from farmlokal.telemetry import get_logger
from farmlokal.webhooks.inbox import Inbox

_log = get_logger(__name__)

_EVERY_S = 3600
# A transaction of so many locks no row for long.
_ROWS_AT_ONCE = 1000


class Reaper:
    """Deletes what nobody has sent for the keeping time.

    That is longer than the sender goes on retrying: an event that was forgotten would take effect again.
    """

    def __init__(self, inbox: Inbox, *, keep_days: int, every_s: float = _EVERY_S) -> None:
        self._inbox = inbox
        self._keep = timedelta(days=keep_days)
        self._every_s = every_s

    def __repr__(self) -> str:
        return f"<Reaper keep={self._keep.days} days>"

    async def reap(self) -> int:
        """Forget everything that is due; how many events."""
        total = 0
        while reaped := await self._inbox.reap(self._keep, rows_max=_ROWS_AT_ONCE):
            total += reaped
        return total

    async def keep(self) -> None:
        """Reap now and every hour, until cancelled."""
        while True:
            try:
                reaped = await self.reap()
                if reaped:
                    _log.info("forgot old events", events=reaped)
            except FarmLokalError as error:
                say = _log.debug if isinstance(error, Unavailable) and error.reported else _log.warning
                say("old events could not be forgotten", reason=str(error))
            await asyncio.sleep(self._every_s)
