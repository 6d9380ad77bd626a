"""A running service that takes webhooks, beside its database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, NamedTuple

from aiohttp import ClientSession

from farmlokal.database.interface import Database
from tests.support.service import Service, open_database, serving, settings_for
from tests.support.webhook_sender import OLD_SECRET, SECRET, deliver, new_id


class WebhookService(NamedTuple):
    """A running service with webhooks, and its database."""

    service: Service
    database: Database

    @property
    def client(self) -> ClientSession:
        """A client of the service."""
        return self.service.client

    async def listed(self) -> list[dict[str, Any]]:
        """The products of the first page."""
        async with self.client.get("/products?sort=name") as response:
            rows: list[dict[str, Any]] = (await response.json())["data"]
            return rows

    async def event(self, event_type: str, data: object, *, event_id: str | None = None) -> tuple[int, Any, str]:
        """Status of one delivery, whether it was a duplicate, and its effect (or the problem's name)."""
        answer = await deliver(self.client, event_type, data, event_id=event_id)
        effect = answer.content.get("effect") or answer.content["type"]
        return answer.status, answer.content.get("duplicate"), effect

    async def event_at_last(self, event_type: str, data: object) -> None:
        """Deliver one event as the partner does, again and again while the service is too busy to take it."""
        event_id = new_id()
        while True:
            status, _, _ = await self.event(event_type, data, event_id=event_id)
            if status != HTTPStatus.SERVICE_UNAVAILABLE:
                return
            await asyncio.sleep(0.05)


@asynccontextmanager
async def webhook_service(url: str, **others: Any) -> AsyncIterator[WebhookService]:
    """A service with one live secret and one old one."""
    async with open_database(url) as database:
        settings = settings_for(url, webhook_secrets=f"{SECRET},{OLD_SECRET}", **others)
        async with serving(settings) as service:
            yield WebhookService(service, database)
