"""The webhook sender: delivers signed events, some of them again, some of them twice at the same moment."""

import os
import time
from typing import Any

from gevent.pool import Group
from locust import between, task

from loadtest.answers import Once
from loadtest.asking import Asker
from loadtest.events import Event, Shop
from loadtest.outcomes import WEBHOOK
from loadtest.signing import signed_headers

WEBHOOK_SECRET = os.environ.get("LOADTEST_WEBHOOK_SECRET")

_AGAIN_SHARE = 0.3
_TWINS_SHARE = 0.2
_TWINS = 2


class WebhookSender(Asker):
    """A partner whose deliveries arrive at least once."""

    abstract = not WEBHOOK_SECRET
    fixed_count = 1
    wait_time = between(0.2, 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._shop = Shop(self.rng)

    def on_start(self) -> None:
        """Offer the products that will be sold."""
        for event in self._shop.opening():
            self._deliver(event, Once(event.effect, 1))

    def on_stop(self) -> None:
        """Leave the catalogue as it was."""
        for event in self._shop.closing():
            self._deliver(event, Once(event.effect, 1))

    @task
    def send(self) -> None:
        """Deliver one event: once, or once and again, or twice at once."""
        event, kind = self._shop.next(), self.rng.random()
        if kind < _TWINS_SHARE:
            self._deliver_at_once(event)
            return
        deliveries = 2 if kind < _TWINS_SHARE + _AGAIN_SHARE else 1
        once = Once(event.effect, deliveries)
        for _ in range(deliveries):
            self._deliver(event, once)

    def _deliver_at_once(self, event: Event) -> None:
        once = Once(event.effect, _TWINS)
        copies = Group()
        try:
            for _ in range(_TWINS):
                copies.spawn(self._deliver, event, once)
            copies.join()
        finally:
            copies.kill()

    def _deliver(self, event: Event, once: Once) -> None:
        # Signed anew each time: the timestamp is the delivery's, the id the event's.
        headers = signed_headers(WEBHOOK_SECRET or "", event.event_id, int(time.time()), event.body)
        self.ask(
            "/external/webhook", WEBHOOK, once.fault, method="POST", headers=headers, body=event.body, kind_of=_kind
        )


def _kind(answer: Any) -> str | None:
    """What a delivery is counted as."""
    if not isinstance(answer, dict):
        return None
    return "duplicate" if answer.get("duplicate") else "new"
