"""What a redrawn sample leaves is the system's again."""

import os
import subprocess
import sys

import pytest

_PROGRAM = """
import sys
from resource import getpagesize
from farmlokal.app.freed_memory import give_back_large_blocks

def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * getpagesize()

if sys.argv[1] == "guarded":
    give_back_large_blocks()
bytearray(8 * 2**20)
before = resident_bytes()
large, small = [], []
for _ in range(64):
    large.append(bytearray(b"x") * 2**19)
    small.append(bytes(2000))
del large
print(resident_bytes() - before)
"""


@pytest.mark.parametrize(("guard", "most", "least"), [("unguarded", 2**26, 2**24), ("guarded", 2**22, -(2**22))])
def test_large_blocks_are_given_back(guard: str, most: int, least: int) -> None:
    """Of 32 MB between small blocks that stay nothing is left; where the limit may rise, half at least."""
    assert least <= left_bytes(guard) <= most


@pytest.mark.parametrize(
    "limit",
    [{"MALLOC_MMAP_THRESHOLD_": f"{2**20}"}, {"GLIBC_TUNABLES": f"glibc.malloc.mmap_threshold={2**20}"}],
    ids=" ".join,
)
def test_an_operators_limit_goes_first(limit: dict[str, str]) -> None:
    """With a megabyte as the limit, blocks of half of one stay among the small ones, as the operator has it."""
    assert left_bytes("guarded", **limit) >= 2**24


def left_bytes(guard: str, **environment: str) -> int:
    """By how much a process is larger after 32 MB came and went."""
    command = [sys.executable, "-c", _PROGRAM, guard]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, **environment})
    return int(run.stdout)
