"""Registering our callback with the partner."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from farmlokal.errors import FarmLokalError
from farmlokal.resilience.backoff import Backoff
from farmlokal.telemetry import get_logger

_log = get_logger(__name__)

CALLBACK_PATH = "/external/webhook"
# At the partner, below its base URL.
REGISTRATION_PATH = "/webhooks"

PutJSON = Callable[[str, Any], Awaitable[Any]]
"""Sends a JSON body to a path of the partner by PUT, and returns the content of the response."""


def callback_url(public_url: str) -> str:
    """Returns the URL to which the partner is to send its events. public_url: our own base URL."""
    return public_url.rstrip("/") + CALLBACK_PATH


async def register(put_json: PutJSON, public_url: str) -> str:
    """Register our callback, and return its URL. PUT makes it idempotent: the same URL again changes nothing.

    Raises what `put_json` raises.
    """
    url = callback_url(public_url)
    await put_json(REGISTRATION_PATH, {"url": url})
    return url


class Registrar:
    """Registers in the background until it has worked once: the service starts while the partner is away, too."""

    def __init__(self, put_json: PutJSON, public_url: str, *, backoff: Backoff | None = None) -> None:
        self._put_json = put_json
        self._public_url = public_url
        self._backoff = backoff or Backoff(base_s=5, max_s=300)
        self.registered = False

    def __repr__(self) -> str:
        return f"<Registrar registered={self.registered}>"

    async def keep(self) -> None:
        """Try until the callback is registered. Logs the first failure, and the success."""
        attempt = 0
        while not self.registered:
            try:
                url = await register(self._put_json, self._public_url)
            except FarmLokalError as error:
                attempt += 1
                if attempt == 1:
                    _log.warning("the webhook is not registered yet", reason=str(error))
                await asyncio.sleep(self._backoff.wait_s(attempt))
            else:
                self.registered = True
                _log.info("the webhook is registered", url=url)
