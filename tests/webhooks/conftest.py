"""The databases of the webhook tests: each backend in turn."""

import pytest

from tests.database.backends import new_database_url


@pytest.fixture
def backend_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a new, empty database."""
    return new_database_url(request)
