"""The service with what it requires and nothing else: our own packages have those of the tests beside them.

structlog and redis-py import what they find of rich and OpenTelemetry, which takes a start 50 ms and a worker 6 MB.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

from tests.bench.service_process import HERE, Code


@contextmanager
def shipped() -> Iterator[Code]:
    """Make this checkout one that runs as an installation without extras, until the block ends."""
    with TemporaryDirectory() as folder:
        for name in _required("farmlokal"):
            _link(name, Path(folder))
        yield replace(HERE, options=("-S",), packages=(folder,))


def _required(project: str) -> set[str]:
    """The names of the projects that an installation of `project` brings with it."""
    found: set[tuple[str, str]] = set()
    waiting = [Requirement(project)]
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            if (wanted.name, extra) not in found:
                found.add((wanted.name, extra))
                needed = map(Requirement, distribution(wanted.name).requires or ())
                waiting += [one for one in needed if one.marker is None or one.marker.evaluate({"extra": extra})]
    return {name.replace("_", "-") for name, _ in found} - {project}


def _link(project: str, folder: Path) -> None:
    """Make what `project` has installed importable from `folder`."""
    installed = distribution(project)
    for name in {file.parts[0] for file in installed.files or () if file.parts[0] != ".."}:
        link = folder / name
        if not link.exists():
            link.symlink_to(Path(str(installed.locate_file(name))))
