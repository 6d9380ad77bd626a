"""The parent of several workers: gunicorn's, but no word to stop is lost on a worker that has only begun."""

import os
import signal

from gunicorn.arbiter import Arbiter

# What a worker is told to stop by.
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class HoldingArbiter(Arbiter):  # type: ignore[misc]
    """Forks workers from whom the kernel holds these signals back until `hear` is called.

    Until a worker has handlers of its own it has those of its parent, which put the signal into a queue that nobody
    reads there (benoitc/gunicorn issue 1910). It would serve on while everybody else stops, and be killed in the end
    with whoever it served: a `docker stop` within the first tenths of a second is enough.
    """

    def spawn_worker(self) -> int:
        """Fork a worker. Returns its process id; does not return in the worker itself."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        try:
            pid: int = super().spawn_worker()
            return pid
        finally:
            if os.getpid() == self.pid:
                hear()


def hear() -> None:
    """Let this process have the signals to stop, those that were held back too."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
