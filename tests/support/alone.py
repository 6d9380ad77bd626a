"""Tests marked `alone` have the machine to themselves: a pytest plugin that is always on.

Under pytest-xdist every other test holds a lock together with the others that run, and a test marked `alone` holds it
by itself. A second lock is the door to the first: a test that wants to be alone stands in it, so that those which come
later wait behind it instead of keeping it out for ever.
"""

import fcntl
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import xdist


@contextmanager
def _locked(path: Path, kind: int) -> Iterator[None]:
    """Hold the lock on the file at `path` until the block ends. kind: LOCK_SH or LOCK_EX."""
    with path.open("w") as file:
        fcntl.flock(file, kind)
        yield  # closing the file gives the lock back


@contextmanager
def running(folder: Path, *, alone: bool) -> Iterator[None]:
    """Wait until a test may run, and let none run beside it that must not, until the block ends.

    folder: of the two locks; the processes of one run share it.
    """
    with ExitStack() as held:
        with _locked(folder / "door.lock", fcntl.LOCK_EX):
            held.enter_context(_locked(folder / "machine.lock", fcntl.LOCK_EX if alone else fcntl.LOCK_SH))
        yield


# Around pytest-timeout's, whose time begins when the test does.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run the test while the locks allow it."""
    if not xdist.is_xdist_worker(item):
        return (yield)
    # Each process has a folder of its own in that of the run.
    folder = Path(item.config.getoption("basetemp")).parent
    with running(folder, alone=item.get_closest_marker("alone") is not None):
        return (yield)
