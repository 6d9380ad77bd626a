"""The operator: syncs with the partner's feed now and then, and watches the run to its end."""

from typing import Any
from urllib.parse import urljoin

from locust import between, task

from loadtest.answers import sync_fault
from loadtest.asking import Asker
from loadtest.outcomes import SYNC, SYNC_RUN
from loadtest.tokens import API_KEY

_ROUTE = "/external/sync"
# A run that lasts longer goes on without being watched.
_LOOKS_MAX = 30


class Operator(Asker):
    """Asks for a sync; where that is answered 202, looks at the run until it is done."""

    abstract = not API_KEY
    fixed_count = 1
    wait_time = between(2, 6)

    @task
    def sync(self) -> None:
        """One run from its start to its end."""
        headers = {"X-API-Key": API_KEY or ""}
        answer = self.ask(_ROUTE, SYNC, sync_fault, headers=headers, kind_of=_state)
        location = None if answer is None else answer.header("location")
        for _ in range(_LOOKS_MAX):
            if answer is None or location is None or answer.content["state"] != "running":
                break
            self.wait()  # type: ignore[no-untyped-call]
            # A reference relative to what was asked for (RFC 9110, section 10.2.2).
            answer = self.ask(urljoin(_ROUTE, location), SYNC_RUN, sync_fault, headers=headers, kind_of=_state)


def _state(answer: Any) -> str | None:
    """What a summary is counted as."""
    return answer.get("state") if isinstance(answer, dict) else None
