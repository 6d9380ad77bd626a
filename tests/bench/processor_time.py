"""How much processor time a service has used."""

import os
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.bench.samples import Sample

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Spent(NamedTuple):
    """Seconds of processor time: in a process's own code, and in the kernel for it."""

    user_s: float
    kernel_s: float

    def __sub__(self, other: "Spent") -> "Spent":
        """What was spent since `other`."""
        return Spent(self.user_s - other.user_s, self.kernel_s - other.kernel_s)

    @property
    def whole_s(self) -> float:
        """Both together."""
        return self.user_s + self.kernel_s


class Cost(NamedTuple):
    """What a load took: seconds, and seconds of processor time of the client and of the server."""

    seconds: float
    processor_s: float


def processor_us_a_row(costs: Sequence[Cost], rows: int) -> float:
    """The processor time of loads of so many rows for each, in microseconds: their median."""
    return round(median(cost.processor_s for cost in costs) / rows * 1e6, 1)


class TimedTake:
    """Takes samples, and says what the processes that answer them spent on each request.

    pids: of those. take: takes one. per_request_us: of each sample in turn, in microseconds, of all processes together.
    """

    def __init__(self, pids: Sequence[int], take: Callable[[], Sample]) -> None:
        self.pids = pids
        self.take = take
        self.per_request_us: list[float] = []

    def __call__(self) -> Sample:
        """One sample."""
        before_s = sum(map(processor_s, self.pids))
        sample = self.take()
        self.per_request_us.append((sum(map(processor_s, self.pids)) - before_s) * 1e6 / sample.requests)
        return sample


def processor_s(pid: int) -> float:
    """Seconds of a process and of its living children, in user mode and in the kernel."""
    return spent(pid).whole_s


def spent(pid: int) -> Spent:
    """What a process and its living children have spent. See proc(5), stat."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    each = [_own(one) for one in (pid, *map(int, children))]
    return Spent(sum(one.user_s for one in each), sum(one.kernel_s for one in each))


def children_s() -> float:
    """Seconds of our own children that have ended and were waited for, in user mode and in the kernel."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _own(pid: int) -> Spent:
    # The second field, the name in brackets, may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    user, system = fields[11], fields[12]
    return Spent(int(user) / _TICKS_PER_S, int(system) / _TICKS_PER_S)
