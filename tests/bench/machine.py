"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.bench.stand import Stand

_PACKAGES = ("aiohttp", "aiomysql", "redis", "uvloop")


def machine(stand: Stand) -> dict[str, Any]:
    """Cores, processor, memory and versions: what a reader needs to place absolute times."""
    ((database,),) = stand.access.execute("SELECT VERSION()")
    ((buffer_bytes,),) = stand.access.execute("SELECT @@innodb_buffer_pool_size")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "database": database,
        "database_buffer_gib": round(buffer_bytes / 2**30, 1),
        "redis": stand.redis.program.version,
        **{name: version(name) for name in _PACKAGES},
        "products": stand.options.products,
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
