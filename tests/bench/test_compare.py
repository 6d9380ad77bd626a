"""The comparison of two commits tells a slowed program from one that is the same."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bench.base_code import NoSuchCommit, code_of
from tests.bench.compare import compare
from tests.bench.service_process import HERE, Code
from tests.bench.stand import Options

# So many rounds only where a busy machine makes them necessary.
_OPTIONS = Options(products=2_000, seconds=1.0, rounds=12)
# Every Python function that is entered or left costs more: whatever the service does takes longer, and nothing else.
_SLOWER = "\nimport sys\n\nsys.setprofile(lambda *_: sum(range(40)))\n"


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(180)
def test_a_slowed_copy_is_a_regression(tmp_path: Path) -> None:
    """Our own checkout with a burden on every call is found to be slower than itself without it."""
    slowed = _copy(tmp_path / "slowed")
    with (slowed.folder / "farmlokal" / "__init__.py").open("a") as module:
        module.write(_SLOWER)
    verdicts = {name: compared.verdict for name, compared in compare(slowed, HERE, _OPTIONS).items()}
    assert dict.fromkeys(verdicts, "regression") == verdicts


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(180)
def test_the_same_commit_is_no_regression(tmp_path: Path) -> None:
    """A copy of this checkout is not found to be slower than it."""
    verdicts = [
        compared.verdict for compared in compare(_copy(tmp_path / "same"), HERE, replace(_OPTIONS, rounds=6)).values()
    ]
    assert verdicts
    assert "regression" not in verdicts


def test_a_commit_is_checked_out_beside_the_working_tree(tmp_path: Path) -> None:
    """The older text is what runs, in a folder of its own that is gone afterwards; the working tree stays as it is."""
    repository = _repository(tmp_path)
    setup = repository / "setup.py"
    _commit(repository, "old")
    (repository / "text").write_text("new")
    with code_of("HEAD", repository=repository) as code:
        assert "old" == (code.folder / "text").read_text()
        assert sys.executable == code.python
        assert setup.read_bytes() == (code.folder / "setup.py").read_bytes()
    assert not code.folder.exists()
    assert "new" == (repository / "text").read_text()
    worktrees = _git(repository, "worktree", "list").splitlines()
    assert len(worktrees) == 1


def test_a_commit_that_is_none_is_told(tmp_path: Path) -> None:
    """A name that git does not know is an error with git's own words, and so is one that looks like an option."""
    repository = _repository(tmp_path)
    _commit(repository, "old")
    for name in ("no-such-branch", "--all"):
        with pytest.raises(NoSuchCommit, match=name), code_of(name, repository=repository):
            pass


def _copy(folder: Path) -> Code:
    folder.mkdir()
    for name in ("schema.sql", "setup.py", "README.md"):
        shutil.copyfile(HERE.folder / name, folder / name)
    shutil.copytree(HERE.folder / "farmlokal", folder / "farmlokal", ignore=shutil.ignore_patterns("__pycache__"))
    return Code(folder)


def _repository(tmp_path: Path) -> Path:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "setup.py").write_text("# no dependencies\n")
    _git(repository, "init", "--quiet")
    return repository


def _commit(repository: Path, text: str) -> None:
    (repository / "text").write_text(text)
    _git(repository, "add", "--all")
    _git(repository, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--message", text)


def _git(repository: Path, *arguments: str) -> str:
    # A hook that runs the tests has set variables that name its own repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ("git", "-C", str(repository), *arguments)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
