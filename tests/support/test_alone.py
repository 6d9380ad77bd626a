"""A test that is alone: nothing runs beside it, and it is not kept out by those that come and go."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.alone import running

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
