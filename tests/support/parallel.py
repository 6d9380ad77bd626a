"""Tests in several processes, by pytest-xdist: how many, which tests keep together, and which are alone.

Each process has servers of its own, from the session's fixtures. Tests are given out one by one, those of a file in
TOGETHER all to the same process and in their order. Every test holds a lock together with the others that run, but one
that is marked `alone` holds it by itself. A second lock is the door to the first: a test that wants to be alone stands
in it, so that those which come later wait behind it instead of keeping it out for ever.
"""

import fcntl
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import xdist
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Files whose tests share what the first of them takes seconds to make, or tell one story from the first to the last.
TOGETHER = (
    "tests/catalog/seed/test_seed_distributions.py",
    "tests/catalog/test_bounded_cost.py",
    "tests/clients/test_generated_clients.py",
    "tests/deploy/test_alerts_fire.py",
    "tests/deploy/test_compose_passwords.py",
    "tests/engines/test_galera.py",
    "tests/engines/test_group_readers.py",
    "tests/engines/test_group_replication.py",
    "tests/engines/test_redis_cluster.py",
    "tests/engines/test_redis_sentinel.py",
    "tests/files_entered/test_files_entered.py",
    "tests/partner/test_token_servers.py",
    "tests/test_imports.py",
    "tests/test_project.py",
    "tests/webhooks/test_senders.py",
)
# Files whose tests share what they are made for, their parameter: each parameter's keep together.
TOGETHER_BY_PARAMETER = ("tests/engines/test_matrix.py", "tests/engines/test_readers.py")


class TestByTest(LoadScopeScheduling):  # type: ignore[misc]
    """Gives out tests one by one, but those of a file in TOGETHER as one, or as one for each parameter."""

    def _split_scope(self, nodeid: str) -> str:
        path, _, name = nodeid.partition("::")
        if path in TOGETHER_BY_PARAMETER:
            return f"{path}[{name.partition('[')[2]}"
        return path if path in TOGETHER else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> TestByTest:
    """Return what gives out the tests."""
    return TestByTest(config, log)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Return in how many processes `-n auto` runs the tests: one for each core, and two more, since many wait.

    Of proofs few do: there it is one more. Few tests are quicker in the one process that is there: where files or names
    are given, it is 0. So it is where the environment names a Redis: a test empties it, and what is published there
    reaches everybody.
    """
    few = config.args_source is config.ArgsSource.ARGS or config.option.keyword
    if few or "FARMLOKAL_TEST_REDIS_URL" in os.environ:
        return 0
    return len(os.sched_getaffinity(0)) + (1 if config.option.markexpr == "proof" else 2)


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


def is_alone(item: pytest.Item) -> bool:
    """Whether no other test may run beside it."""
    return item.get_closest_marker("alone") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those that run alone behind all others: each of them would wait until the longest beside it has ended."""
    items.sort(key=is_alone)


# Around pytest-timeout's, whose time begins when the test does.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Run the test while the locks allow it."""
    if not xdist.is_xdist_worker(item):
        return (yield)
    # Each process has a folder of its own in that of the run.
    folder = Path(item.config.getoption("basetemp")).parent
    with running(folder, alone=is_alone(item)):
        return (yield)
