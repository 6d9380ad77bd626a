#!/usr/bin/env bash
# On uvloop asyncio.sleep() returns before its time, and one of less than half a millisecond takes none at all.
#
# Expected:  a timer of an event loop is late, never early: asyncio's own sleep(0.0014) takes 1.4 ms or more, as
#            time.sleep() does, and a loop that sleeps 0.4 ms a thousand times takes 0.4 s at least.
# Observed:  uvloop rounds each delay to whole milliseconds, and counts them from a clock of whole milliseconds:
#            sleep(0.0014) is mostly over before 1.4 ms, and a thousand sleep(0.0004) take some milliseconds together.
#            Whatever paces work by short sleeps (a limiter, a load generator, a poll) runs without any pace there, and
#            is right on asyncio's loop, under which its tests may run.
# Versions:  uvloop 0.23.0 (PyPI), CPython 3.11.7
# For us:    the service runs on uvloop. Nothing in it keeps a rate by sleeping: the rate limit reckons with a clock,
#            and the shortest wait, 5 ms, only lets others have a turn (docs/rate-limit.md, "What is admitted").
# Source:    MagicStack/uvloop issues 739 (open) and 233; pull request 755 (open)
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'uvloop==0.23.0'

"$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import time

import uvloop

TRIES = 300


async def measured() -> tuple[int, float]:
    """How many of the sleeps of 1.4 ms were over before that, and how long a thousand of 0.4 ms took together, in s."""
    early = 0
    for _ in range(TRIES):
        begun = time.monotonic()
        await asyncio.sleep(0.0014)
        early += time.monotonic() - begun < 0.0014
    begun = time.monotonic()
    for _ in range(1000):
        await asyncio.sleep(0.0004)
    return early, time.monotonic() - begun


early, took_s = asyncio.run(measured())
assert early == 0, early
assert took_s >= 0.4, took_s
early_uvloop, took_uvloop_s = uvloop.run(measured())
assert early_uvloop > 0, early_uvloop
assert took_uvloop_s < 0.2, took_uvloop_s
print(f"as observed: {early_uvloop} of {TRIES} early on uvloop, {early} on asyncio; "
      f"1000 sleeps of 0.4 ms took {took_uvloop_s * 1000:.0f} and {took_s * 1000:.0f} ms")
PYTHON
