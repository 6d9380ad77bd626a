"""Python's garbage collector, which what the tests are made of would keep busy: a million objects that never go.

They are all made while the tests are collected. A quarter of that time would be spent on looking through them, and
then a fifth of a second of each `gc.collect` in a test.
"""

import gc


def pytest_collection() -> None:
    """Collect no garbage while the tests are found."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Leave out what is there now, and collect garbage from here on."""
    gc.collect()
    gc.freeze()
    gc.enable()
