"""An empty catalogue, for the tests of what is written to it."""

from collections.abc import AsyncIterator

import pytest

from tests.catalog.upserting import Writing
from tests.support.service import open_database


@pytest.fixture
async def write(backend_url: str) -> AsyncIterator[Writing]:
    """Writes to an empty catalogue."""
    async with open_database(backend_url) as database:
        yield Writing(database)
