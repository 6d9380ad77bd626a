"""The token stampede: many callers who want the partner's token at the same moment."""

import os

from gevent.pool import Group
from locust import between, task

from loadtest.answers import OneToken
from loadtest.asking import Asker
from loadtest.outcomes import TOKEN

API_KEY = os.environ.get("LOADTEST_API_KEY")

_CALLERS = 32


class TokenStampede(Asker):
    """Asks from many connections at once, and must be given one and the same token on all of them."""

    abstract = not API_KEY
    fixed_count = 1
    concurrency = _CALLERS
    wait_time = between(1, 3)

    @task
    def rush(self) -> None:
        """All callers at once."""
        same = OneToken()
        headers = {"X-API-Key": API_KEY or ""}
        callers = Group()
        try:
            for _ in range(_CALLERS):
                callers.spawn(self.ask, "/auth/token", TOKEN, same.fault, headers=headers)
            callers.join()
        finally:
            callers.kill()
