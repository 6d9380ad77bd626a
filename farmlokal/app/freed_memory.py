"""What is freed in large blocks goes back to the system."""

import ctypes
import os

# mallopt(3): blocks of this size and beyond are mapped by themselves. glibc's own value for a start.
_M_MMAP_THRESHOLD, _LARGE_BYTES = -3, 128 * 1024
# Where an operator tells glibc the limit himself.
_OPERATORS = {"MALLOC_MMAP_THRESHOLD_": "", "GLIBC_TUNABLES": "glibc.malloc.mmap_threshold="}


def give_back_large_blocks() -> None:
    """Have every large block that is freed given back, as glibc begins. For the start of a process that stays.

    By default the first such block that is freed raises the limit to its own size, at most 32 MB. What is smaller comes
    from the heap then, among small blocks that stay: a sample that is drawn anew would leave ten megabytes of holes. A
    limit that was set is kept; so nothing is done where the environment has one, nor by other C libraries.
    """
    if any(name in os.environ and part in os.environ[name] for name, part in _OPERATORS.items()):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
