"""Which cores the service runs on and which make the load, so that neither takes the other's time."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

# One wrk thread asks for more than two workers answer; a third would take the core that Redis and the database need.
_LOAD_CORES_MAX = 2


@dataclass(frozen=True, slots=True)
class Cores:
    """Numbers of cores: of the service, of the load generator, and those left over. The two overlap on a single one."""

    service: tuple[int, ...]
    load: tuple[int, ...]
    others: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"service on {_cores(self.service)}, load from {_cores(self.load)}"


def share_cores(workers: int = 1, *, available: Sequence[int] | None = None) -> Cores:
    """The first `workers` cores are the service's, of the others up to two make the load; each side has at least one.

    available: the numbers to share out, by default all that this process may run on.
    """
    numbers = tuple(sorted(os.sched_getaffinity(0)) if available is None else available)
    if len(numbers) == 1:
        return Cores(numbers, numbers)
    service = numbers[: min(workers, len(numbers) - 1)]
    rest = numbers[len(service) :]
    return Cores(service, rest[:_LOAD_CORES_MAX], rest[_LOAD_CORES_MAX:])


def on_cores(cores: Sequence[int], command: Sequence[str]) -> list[str]:
    """The command, made to run on these cores alone, threads and child processes too; on any, where none is named."""
    return ["taskset", "--cpu-list", ",".join(map(str, cores)), *command] if cores else list(command)


@contextmanager
def kept_to(cores: Sequence[int], pid: int) -> Iterator[None]:
    """Keep a running process to these cores, where there are any, until the block ends: all of its threads."""
    if not cores:
        yield
        return
    before = os.sched_getaffinity(pid)
    _keep(pid, set(cores))
    try:
        yield
    finally:
        _keep(pid, before)


def _keep(pid: int, cores: set[int]) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):  # servers end threads as they like
            os.sched_setaffinity(int(thread.name), cores)


def _cores(numbers: Sequence[int]) -> str:
    return f"{len(numbers)} core{'s' if len(numbers) > 1 else ''}"
