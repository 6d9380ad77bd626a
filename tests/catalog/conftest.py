"""An empty catalogue on each backend, for the tests of what is written to it."""

from collections.abc import AsyncIterator

import pytest

from tests.catalog.upserting import Writing
from tests.database.backends import new_database_url
from tests.service import open_database


@pytest.fixture
def backend_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a new, empty database."""
    return new_database_url(request)


@pytest.fixture
async def write(backend_url: str) -> AsyncIterator[Writing]:
    """Writes to an empty catalogue."""
    async with open_database(backend_url) as database:
        yield Writing(database)
