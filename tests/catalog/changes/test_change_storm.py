"""A mirror that follows many writers, which are killed as are those who number, ends as the catalogue."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from farmlokal.catalog.changes.sequencer import Sequencer
from tests.catalog.changes.following import follow, on_offer
from tests.catalog.changes.mirror import Mirror, over_http
from tests.catalog.changes.storm_process import Writer
from tests.catalog.upserting import Writing
from tests.support.backends import on_every_backend
from tests.support.service import open_database, serving, settings_for
from tests.support.waiting import eventually, until

# Far more than it takes on a machine that has other work.
_STORM_MAX_S = 300
WRITERS = 4
SEQUENCERS = 2


class Storm:
    """Processes that write and number, of which one after another is killed and replaced."""

    def __init__(self, url: str, writes: int, kill_every: int, seed: int) -> None:
        """kill_every: writes from one kill to the next."""
        self._url = url
        self._left = dict.fromkeys(range(WRITERS), writes // WRITERS)
        self._kill_every = kill_every
        self._draw = random.Random(seed)
        self._running: dict[int, Process] = {}
        self._sequencers: list[Process] = []
        self.kills = 0

    @property
    def left(self) -> int:
        """How many writes are still to be committed."""
        return sum(max(0, left) for left in self._left.values())

    async def _started(self, *arguments: object) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.catalog.changes.storm_process", self._url, *map(str, arguments)),
            stdout=PIPE,
        )

    async def write(self, writer: int) -> None:
        """Write until the writer's share is committed, in one process after another."""
        while self._left[writer] > 0:
            process = self._running[writer] = await self._started("write", self._draw.randrange(10**9))
            await self._count(writer, process)

    async def _count(self, writer: int, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._left[writer] -= int(line)
            if self._left[writer] <= 0:
                _kill(process)
        assert -signal.SIGKILL == await process.wait()  # and not by itself

    async def kill(self) -> None:
        """Kill somebody, again and again: a writer in the midst of its writes, or whoever numbers."""
        while True:
            goal = self.left - self._kill_every
            await until(lambda goal=goal: self.left <= goal, _STORM_MAX_S)  # type: ignore[misc]
            place = self._draw.randrange(SEQUENCERS)
            await self._end(self._sequencers[place])
            self._sequencers[place] = await self._started("number")
            running = [process for process in self._running.values() if process.returncode is None]
            if running:
                _kill(self._draw.choice(running))
            self.kills += 1

    @asynccontextmanager
    async def numbering(self) -> AsyncIterator[None]:
        """Sequencers beside the block."""
        self._sequencers = [await self._started("number") for _ in range(SEQUENCERS)]
        try:
            yield
        finally:
            for process in [*self._sequencers, *self._running.values()]:
                await self._end(process)

    @staticmethod
    async def _end(process: Process) -> None:
        if process.returncode is None:
            _kill(process)
        await process.wait()


def _kill(process: Process) -> None:
    """SIGKILL, also to one that was killed just now.

    Its own `kill` would find that it has ended, and take its exit status before asyncio does, which then says 255.
    """
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)


async def kills_in_a_storm(url: str, writes: int, kill_every: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Follow a storm to its end, where the mirror has to be the catalogue. Returns how often somebody was killed."""

    async def never(_: Sequencer) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Sequencer, "keep", never)  # the service's own, which nobody kills
    async with open_database(url) as database, serving(settings_for(url)) as service:
        mirror = Mirror(over_http(service.client))
        storm = Storm(url, writes, kill_every, seed=7)
        turns = 0
        async with storm.numbering():
            async with asyncio.TaskGroup() as storming:  # where one fails none goes on and starts processes
                killing = storming.create_task(storm.kill())
                writing = [storming.create_task(storm.write(writer)) for writer in range(WRITERS)]
                while not all(task.done() for task in writing):
                    turns += 1
                    if not await mirror.turn():
                        await asyncio.sleep(0.05)
                killing.cancel()
            # The storm's sequencers number the rest; the last of them may have to wait for a lease.
            await eventually(Sequencer(database).pending, lambda pending: pending.rows == 0, _STORM_MAX_S)
        await mirror.catch_up()
        assert await on_offer(database) == mirror.products
        ((last,),) = await database.fetch("SELECT last FROM change_log")
        ((rows,),) = await database.fetch("SELECT COUNT(*) FROM products")
        assert rows > 0 < len(mirror.products) < rows < last
        assert turns > 1
    return storm.kills


@on_every_backend
async def test_a_few_writes_of_tasks_that_are_cancelled(write: Writing) -> None:
    """The same in small and in one process: a transaction that is cancelled is as good as one that was killed."""
    database = write.database
    following = await follow(database)
    sequencers = [Sequencer(database) for _ in range(SEQUENCERS)]
    draw = random.Random(7)
    for round_number in range(3):
        writers = [Writer(database, seed=10 * round_number + number) for number in range(WRITERS)]
        batches = [asyncio.create_task(writer.batch()) for writer in writers for _ in range(2)]
        numbering = [asyncio.create_task(sequencer.number()) for sequencer in sequencers]
        await asyncio.wait(batches, return_when=asyncio.FIRST_COMPLETED)
        draw.choice(batches).cancel()
        draw.choice(numbering).cancel()
        await following.mirror.catch_up()
        await asyncio.wait([*batches, *numbering])
    await database.run_script(["UPDATE change_log SET lease_until = 0"])
    assert await on_offer(database) == await following.catch_up()
    assert following.mirror.products


@on_every_backend
@pytest.mark.proof
async def test_twenty_thousand_writes_with_kills(backend_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four processes write, two number, each is killed again and again; the mirror is the catalogue at the end."""
    assert await kills_in_a_storm(backend_url, 20_000, 1000, monkeypatch) >= 15
