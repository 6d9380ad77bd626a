"""Waiting for servers outside any event loop."""

import time
from collections.abc import Callable


def wait_until(condition: Callable[[], bool], wait_max_s: float) -> None:
    """Block until `condition` holds. Raises TimeoutError when it does not come to in so many seconds."""
    deadline = time.monotonic() + wait_max_s
    while not condition():
        if time.monotonic() >= deadline:
            raise TimeoutError(f"not within {wait_max_s} s: {condition}")
        time.sleep(0.05)
