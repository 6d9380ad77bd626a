"""A database on the backend that a test's parameter names."""

import pytest

from tests.database.backends import new_database_url


@pytest.fixture
def backend_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new, empty database."""
    return new_database_url(request)
