"""Work that SIGINT and SIGTERM end in good order: what is being written is written, and then it stops."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from farmlokal.cli.process import T


class Interrupted(Exception):
    """The operator ended the work. exit_code: what shells make of the signal, 128 and its number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


async def until_interrupted(work: Coroutine[Any, Any, T]) -> T:
    """Do `work`, and return its result. The first signal cancels it, and raises Interrupted once it has ended.

    A second SIGINT or SIGTERM ends the process as if we had not looked: whoever sends it wants that.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    received: list[int] = []

    def cancel(number: int) -> None:
        received.append(number)
        for each in _SIGNALS:
            loop.remove_signal_handler(each)
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, cancel, number)
    try:
        return await task
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
