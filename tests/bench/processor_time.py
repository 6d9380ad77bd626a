"""How much processor time a service has used."""

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def processor_s(pid: int) -> float:
    """Seconds of a process and of its living children, in user mode and in the kernel. See proc(5), stat."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return sum(_own_s(one) for one in (pid, *map(int, children)))


def _own_s(pid: int) -> float:
    # The second field, the name in brackets, may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    user, system = fields[11], fields[12]
    return (int(user) + int(system)) / _TICKS_PER_S
