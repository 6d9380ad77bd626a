"""`python -m tests.app.heap_process PORT`: a served process that tells what its collector does, and stops.

Writes one line of JSON: frozen, how many objects no pass looks at; thresholds, of the passes; freed, whether a circle
that was made after the start is gone when many more objects have been made, without anybody asking for a pass.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import weakref
from collections.abc import Callable

from farmlokal.app.server import serve
from farmlokal.settings import load_settings


class _Circle:
    """An object that refers to itself: no reference count ever frees it."""

    def __init__(self) -> None:
        self.itself = self


def _freed() -> bool:
    gone = weakref.ref(_Circle())
    # Some passes over the youngest: one would do, if nothing else held up the collector. Nobody asks in between whether
    # it is gone: from Python 3.12 on a pass may begin while the answer to that still holds it.
    kept: list[list[int]] = [[] for _ in range(5 * gc.get_threshold()[0])]
    return bool(kept) and gone() is None


def tell(then: Callable[[], object]) -> None:
    """Write the line."""
    found = {"frozen": gc.get_freeze_count(), "thresholds": gc.get_threshold(), "freed": _freed()}
    sys.stdout.write(json.dumps(found) + "\n")
    then()


def main() -> None:
    """Serve until all is told."""
    asyncio.run(
        serve(
            load_settings(),
            "127.0.0.1",
            int(sys.argv[1]),
            on_ready=lambda _: tell(lambda: os.kill(os.getpid(), signal.SIGTERM)),
        )
    )


if __name__ == "__main__":
    main()
