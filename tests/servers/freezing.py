"""Freezing a process: SIGSTOP, and the wait until it has stopped.

The signal alone is not enough. `kill` returns once it is pending, and on a busy machine a thread that has its turn goes
on for milliseconds: a server that was "stopped" still answers.
"""

import os
import signal
import time
from pathlib import Path

STOPS_WITHIN_S = 10.0


def freeze(pid: int) -> None:
    """Stop the process `pid`, and return once none of its threads runs. Raises TimeoutError where one does not stop."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + STOPS_WITHIN_S
    while not is_frozen(pid):
        if time.monotonic() > deadline:
            raise TimeoutError(f"process {pid} did not stop within {STOPS_WITHIN_S:g} s")
        time.sleep(0.001)


def thaw(pid: int) -> None:
    """Let the frozen process `pid` go on."""
    os.kill(pid, signal.SIGCONT)


def is_frozen(pid: int) -> bool:
    """Whether every thread of the process is stopped by a signal (`T` in proc_pid_stat(5))."""
    try:
        stats = [(thread / "stat").read_text("ascii") for thread in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return False  # one ended while they were looked at
    # The name, in brackets before the state, may hold spaces and brackets itself.
    return all(stat.rpartition(")")[2].split()[0] == "T" for stat in stats)
