"""The mirror: keeps a copy of the catalogue by the change feed."""

from typing import Any
from urllib.parse import urlencode

from locust import between, task

from loadtest.answers import changes_fault
from loadtest.asking import Asker
from loadtest.outcomes import CHANGES

_PRODUCTS_PER_PAGE = 200
# While there is more a polite one leaves this; then it looks every few seconds.
_PAUSE_S = (0.1, 0.3)
_LOOKS_EVERY = 10


class Mirror(Asker):
    """Walks through all products, then follows what changes; asks with `If-None-Match` where it had the newest page."""

    fixed_count = 1
    wait_time = between(*_PAUSE_S)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._after: str | None = None
        self._etag: str | None = None
        self._pauses = 0

    @task
    def follow(self) -> None:
        """One page, or a pause where there was no further one."""
        if self._pauses:
            self._pauses -= 1
            return
        asked = {"limit": str(_PRODUCTS_PER_PAGE)} | ({} if self._after is None else {"after": self._after})
        headers = {} if self._etag is None else {"If-None-Match": self._etag}
        answer = self.ask(f"/products/changes?{urlencode(asked)}", CHANGES, changes_fault, headers=headers)
        if answer is None:
            self._after = self._etag = None
        more = False
        if answer is not None and answer.content is not None:
            page = answer.content["page"]
            # Of the page behind the newest one there is no copy yet.
            self._etag = answer.header("etag") if page["next_after"] == self._after else None
            self._after = page["next_after"]
            more = page["has_more"]
        self._pauses = 0 if more else _LOOKS_EVERY
