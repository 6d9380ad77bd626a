"""A catalogue into which market files are imported."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.catalog.imports.catalogue_support import Catalogue
from tests.support.service import open_database


@pytest.fixture
async def catalogue(backend_url: str, tmp_path: Path) -> AsyncIterator[Catalogue]:
    """An empty catalogue."""
    async with open_database(backend_url) as database:
        yield Catalogue(database, tmp_path)
