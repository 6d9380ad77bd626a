"""Work that a process repeats in the background for as long as it lives."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NoReturn

from structlog.stdlib import BoundLogger

from farmlokal.errors import FarmLokalError
from farmlokal.resilience.failure_log import log_failure

# Processes that are started together would otherwise ask the same database at the same moment for ever.
JITTER = 0.1


async def every(
    interval_s: float | Callable[[], float],
    work: Callable[[], Awaitable[object]],
    *,
    log: BoundLogger,
    failed: str,
    jitter: float = JITTER,
    wait_first: bool = False,
    draw: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
) -> NoReturn:
    """Do `work` again and again until cancelled. No failure ends it: the next turn may do better.

    interval_s: seconds to wait between the end of one turn and the begin of the next; a callable is asked before each
        wait.
    jitter: share of the interval, 0 to 1, by which each wait is shorter at random. It is never longer: what is promised
        to be done "every two minutes" is.
    log, failed: where a failure is logged, and as which event. An error of ours is a warning, or a line at `debug`
        where the log has it already that the dependency is away; any other error is one of the program, and is logged
        with its traceback.
    wait_first: whether the first turn comes after a wait; else it comes at once.
    draw: returns a number in [0, 1). sleep: waits for the given seconds. Both are injected by tests.
    """
    waiting = wait_first
    while True:
        if waiting:
            seconds = interval_s() if callable(interval_s) else interval_s
            await sleep(seconds * (1 - jitter * draw()))
        waiting = True
        try:
            await work()
        except FarmLokalError as error:
            log_failure(log, failed, error)
        except Exception:
            log.exception(failed)
