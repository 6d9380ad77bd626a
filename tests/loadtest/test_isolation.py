"""The load test knows the service by its HTTP interface alone."""

import ast
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "loadtest"
ALLOWED = {"loadtest", "locust", "gevent"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_no_file_imports_the_service(path: Path) -> None:
    """Only locust and what comes with it stand beside the standard library: it works against any URL."""
    imported = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").partition(".")[0])
    assert imported <= ALLOWED | sys.stdlib_module_names


def test_no_file_hides_a_module_of_the_standard_library() -> None:
    """Locust puts the folder of its file in front of all others while it loads it."""
    assert not {path.stem for path in FOLDER.glob("*.py")} & sys.stdlib_module_names
