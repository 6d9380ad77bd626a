"""A service process that dies by SIGKILL at one step of handling the event `msg_fatal`: run with a port and a step.

The service is the real one; the steps are cut into its receiver from outside, here.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, cast

import uvloop
from aiohttp import web

from farmlokal.app.factory import create_app
from farmlokal.database.interface import Database, Session, T
from farmlokal.settings import load_settings
from farmlokal.web import keys
from farmlokal.web.runner import ServiceRunner
from farmlokal.webhooks.receive import Receiver

FATAL_ID = "msg_fatal"
# Longer than the first notice of a burst takes to reach Redis.
_NOTICE_S = 0.1

Step = Callable[..., Awaitable[Any]]


def die() -> None:
    """End this process as a crash, the kernel or a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


async def die_instead(*_: Any, **__: Any) -> Any:
    """In place of a step that never begins."""
    die()


def dying_after(step: Step, wait_s: float = 0) -> Callable[..., Coroutine[Any, Any, Any]]:
    """`step`, after which nothing follows."""

    async def cut(*arguments: Any) -> Any:
        await step(*arguments)
        await asyncio.sleep(wait_s)
        die()

    return cut


def cut_before_look(receiver: Receiver) -> None:
    """Inside the transaction, with nothing done."""
    receiver._inbox.lock = die_instead  # type: ignore[method-assign]


def cut_before_effect(receiver: Receiver) -> None:
    """Between the look whether the event was here before and its effect."""
    receiver._inbox.lock = dying_after(receiver._inbox.lock)  # type: ignore[method-assign]


class DyingAtCommit:
    """A database whose transactions run every statement that they have, and then end the process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def in_transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """See Database.in_transaction."""

        async def and_die(session: Session) -> T:
            result = await work(session)
            await session.fetch("SELECT 1")  # behind what was deferred
            die()
            return result

        return await self._database.in_transaction(and_die)


def cut_before_row(receiver: Receiver) -> None:
    """Between the effect and the inbox row."""
    receiver._inbox.add = lambda *_: None  # type: ignore[method-assign]
    cut_before_commit(receiver)


def cut_before_commit(receiver: Receiver) -> None:
    """Everything is done, nothing is committed."""
    receiver._database = cast("Database", DyingAtCommit(receiver._database))


def cut_before_invalidation(receiver: Receiver) -> None:
    """Committed, and nobody was told."""
    receiver._invalidate = die_instead


def cut_before_notice(receiver: Receiver) -> None:
    """Committed, told to this process, and not yet to the others."""
    receiver._invalidate = dying_after(receiver._invalidate)


def cut_before_answer(receiver: Receiver) -> None:
    """Committed and told to all, the sender excepted."""
    receiver._invalidate = dying_after(receiver._invalidate, _NOTICE_S)


# Each step, with whether the effect is committed when the process dies there.
STEPS: dict[str, tuple[Callable[[Receiver], None], bool]] = {
    "before-look": (cut_before_look, False),
    "before-effect": (cut_before_effect, False),
    "before-row": (cut_before_row, False),
    "before-commit": (cut_before_commit, False),
    "before-invalidation": (cut_before_invalidation, True),
    "before-notice": (cut_before_notice, True),
    "before-answer": (cut_before_answer, True),
}


def arm(receiver: Receiver, step: str) -> None:
    """Make `receiver` die at `step` of the first event with the fatal id."""
    receive = receiver.receive

    async def armed(event_id: str, body: bytes) -> Any:
        if event_id.startswith(FATAL_ID):
            STEPS[step][0](receiver)
        return await receive(event_id, body)

    receiver.receive = armed  # type: ignore[method-assign]


async def serve(port: int, step: str) -> None:
    """Serve until the end."""
    app = create_app(load_settings())
    arm(app[keys.RECEIVER], step)
    runner = ServiceRunner(app, hot_path=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
