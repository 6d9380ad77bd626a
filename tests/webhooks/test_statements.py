"""How many statements the transaction of one event takes."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from farmlokal.app.webhooks import webhook_receiver
from farmlokal.webhooks.inbox import Inbox
from farmlokal.webhooks.receive import Receiver
from tests.database.statement_counts import CountingDatabase
from tests.support.backends import on_every_backend
from tests.support.service import open_database
from tests.support.webhook_sender import body_of, new_id, product

pytestmark = on_every_backend
LOOK, ADD = "SELECT webhook_inbox", "INSERT webhook_inbox"
NOTE = "INSERT change_outbox"


class Counted:
    """A receiver of events, the statements of each, and the tags that the last one touched."""

    def __init__(self, database: CountingDatabase) -> None:
        self._database = database
        self._receiver: Receiver = webhook_receiver(database, Inbox(database), self._invalidate, source="partner")
        self.tags: frozenset[str] = frozenset()

    async def _invalidate(self, tags: frozenset[str], **_: object) -> None:
        self.tags = tags

    async def __call__(self, event_type: str, data: dict[str, Any]) -> list[str]:
        """Receive one event. Returns its statements, which the server must have counted, too."""
        self._database.asked.clear()
        self._database.executed = 0
        await self._receiver.receive(new_id(), body_of(event_type, data))
        assert len(self._database.asked) == self._database.executed
        return list(self._database.asked)


@pytest.fixture
async def event(backend_url: str) -> AsyncIterator[Counted]:
    """Events for an empty catalogue."""
    async with open_database(backend_url) as database:
        yield Counted(CountingDatabase(database))


async def test_a_product_is_read_once_and_written_once(event: Counted) -> None:
    """Beside the inbox's, a product is read, written and noted by one statement each; its name looked up, or added."""
    born = ["SELECT names", "INSERT names", "SELECT names", "INSERT name_units"]
    new = await event("product.upserted", product())
    assert [LOOK, "SELECT products", *born, "INSERT products", NOTE, ADD] == new
    assert {"products", "product/1", "category/vegetables", "names"} == event.tags
    replaced = await event("product.upserted", product(version=2))
    assert [LOOK, "SELECT products", "SELECT names", "UPDATE products", NOTE, ADD] == replaced
    assert {"products", "product/1", "category/vegetables"} == event.tags
    moved = await event("product.upserted", product(version=3, category="fruits"))
    assert [LOOK, "SELECT products", *born, "UPDATE products", NOTE, ADD] == moved
    assert {"products", "product/1", "category/vegetables", "category/fruits", "names"} == event.tags
    assert [LOOK, "SELECT products", ADD] == await event("product.upserted", product(version=1))
    gone = {"source": "partner", "external_id": product()["external_id"], "version": 4}
    assert [LOOK, "SELECT products", "UPDATE products", NOTE, ADD] == await event("product.deleted", gone)
    assert {"products", "product/1", "category/fruits"} == event.tags
