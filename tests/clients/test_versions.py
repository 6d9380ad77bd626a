"""The tools' versions, as the documentation has them."""

import re

import pytest

from tests.clients.tools import NODE_PACKAGES, PYTHON_PACKAGES
from tests.docs.pages import text_of

# A compiler that any version may stand for.
_NOT_NAMED = "typescript"


@pytest.mark.parametrize("package", [*PYTHON_PACKAGES, *NODE_PACKAGES])
def test_the_documentation_names_the_version_that_is_tried(package: str) -> None:
    """docs/api.md has each tool with the version of the proof."""
    name, version = re.split("==|@", package)
    assert name == _NOT_NAMED or f"{name} {version}" in text_of("docs/api.md")
