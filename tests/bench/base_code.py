"""Another commit of this repository, ready to run beside this one."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.service_process import HERE, Code


class NoSuchCommit(Exception):
    """The repository has no commit of that name, or cannot check it out."""


@contextmanager
def code_of(commit: str, *, repository: Path = HERE.folder) -> Iterator[Code]:
    """Check out a commit into a temporary folder until the block ends. Raises NoSuchCommit.

    Where it declares the same dependencies as the repository's working tree it runs on the same installed ones, so that
    nothing but our own code differs; else it gets a virtual environment of its own.
    """
    named = _git(repository, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{commit}}")
    if named.returncode != 0:
        raise NoSuchCommit(f"no commit {commit}: {named.stderr.strip()}")
    with tempfile.TemporaryDirectory(prefix="fl-base-") as parent:
        folder = Path(parent) / "checkout"
        added = _git(repository, "worktree", "add", "--detach", str(folder), named.stdout.strip())
        if added.returncode != 0:
            raise NoSuchCommit(f"git could not check out {commit}: {added.stderr.strip()}")
        try:
            yield Code(folder, _python(repository, folder, Path(parent) / "venv"))
        finally:
            _git(repository, "worktree", "remove", "--force", str(folder))


def _git(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # A hook that runs this has variables that name its own repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-C", str(repository), *arguments)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _python(repository: Path, folder: Path, environment: Path) -> str:
    """The Python to run the checkout with."""
    if (folder / "setup.py").read_bytes() == (repository / "setup.py").read_bytes():
        return sys.executable
    subprocess.run((sys.executable, "-m", "venv", environment), check=True)
    python = str(environment / "bin" / "python")
    install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", str(folder))
    subprocess.run(install, check=True)
    return python
