"""`python -m tests.app.slow_worker PORT ARBITER`: a service that is stopped when its one worker has only begun.

ARBITER: `ours`, or `gunicorn's`. The worker is told before it has a handler of its own.
"""

import os
import signal
import sys
import time
from typing import Any

from gunicorn.arbiter import Arbiter

from farmlokal.app import workers
from farmlokal.app.arbiter import HoldingArbiter
from farmlokal.settings import load_settings
from farmlokal.telemetry import configure_logging

# A worker that does not end is killed five seconds later.
_FINISH_WAIT_MAX_S = 1


def main() -> None:
    """Serve, and stop at once."""
    port, whose = sys.argv[1:]

    class Slow(workers.DrainingWorker):
        """Begins when it was told to stop: by what the kernel holds back, or in the queue that it has of its parent."""

        def init_process(self) -> None:
            """See gunicorn."""
            os.kill(os.getppid(), signal.SIGTERM)
            while signal.SIGTERM not in signal.sigpending() and arbiters[0].SIG_QUEUE.empty():
                time.sleep(0.01)
            super().init_process()

    class Known(HoldingArbiter if whose == "ours" else Arbiter):  # type: ignore[misc]
        """The arbiter, which its workers know."""

        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            arbiters.append(self)

    arbiters: list[Any] = []
    in_their_place = {"DrainingWorker": Slow, "HoldingArbiter": Known, "FINISH_WAIT_MAX_S": _FINISH_WAIT_MAX_S}
    for name, value in in_their_place.items():
        assert hasattr(workers, name)
        setattr(workers, name, value)
    configure_logging("json")
    workers.serve_workers(load_settings(), "127.0.0.1", int(port), 1)


if __name__ == "__main__":
    main()
