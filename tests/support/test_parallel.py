"""Tests in several processes: some keep together, and one that is alone has nothing beside it."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.parallel import TOGETHER, TOGETHER_BY_PARAMETER, is_alone, pytest_collection_modifyitems, running

ROOT = Path(__file__).parents[2]
OTHERS = 6


class Hold(Protocol):
    """What a test does before it runs."""

    def __call__(self, *, alone: bool) -> AbstractContextManager[None]:
        """Wait until it may, and keep others out until the block ends."""


def company(hold: Hold) -> int:
    """Run ten tests alone while six processes run one after another; how many of those ran beside them."""
    inside: list[int] = []
    over: list[bool] = []

    def others(number: int) -> None:
        while not over:
            with hold(alone=False):
                inside.append(number)
                time.sleep(0.001)  # the work
                inside.remove(number)

    def alone() -> int:
        met = 0
        try:
            for _ in range(10):
                with hold(alone=True):
                    met += len(inside)
                    time.sleep(0.005)
                    met += len(inside)
        finally:
            over.append(True)
        return met

    with ThreadPoolExecutor(OTHERS + 1) as threads:
        started = [threads.submit(others, number) for number in range(OTHERS)]
        met = threads.submit(alone).result()
        for one in started:
            one.result()
    return met


@pytest.mark.timeout(60)
def test_nothing_runs_beside_a_test_that_is_alone(tmp_path: Path) -> None:
    """Without the locks others do; with them none does, and the one gets its turn though they never pause."""
    assert company(lambda *, alone: nullcontext()) > 0
    assert 0 == company(partial(running, tmp_path))


def test_those_that_run_alone_come_last(request: pytest.FixtureRequest) -> None:
    """Behind all others, which keep their order: nobody has to wait for a long test beside which he must not run."""
    first, second, alone = (
        pytest.Function.from_parent(request.node.parent, name=name, callobj=_none) for name in "abc"
    )
    alone.add_marker("alone")
    items: list[pytest.Item] = [alone, second, first]
    pytest_collection_modifyitems(items)
    assert [second, first, alone] == items
    assert [False, False, True] == [is_alone(item) for item in items]


def _none() -> None:
    """No test of ours: an item has to have something to call."""


def test_what_the_tests_of_a_file_share_is_made_in_one_process() -> None:
    """Every file with a fixture for all of its tests is among those that keep together, and no other is."""
    assert sharing('@pytest.fixture(scope="module")') == set(TOGETHER)
    assert sharing('@pytest.fixture(scope="module", params=') == set(TOGETHER_BY_PARAMETER)


def sharing(fixture: str) -> set[str]:
    """The files with such a fixture."""
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if fixture in path.read_text("utf-8") and path != Path(__file__)
    }
