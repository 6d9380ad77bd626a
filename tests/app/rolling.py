"""Two instances of the service behind a balancer, restarted one after another while clients go on asking."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import ClientConnectorError, ClientError, ClientSession, ClientTimeout, TCPConnector

from tests.support.logged_process import LoggedProcess

# As long as a balancer takes to look again, and a little more.
DRAIN_S = 1
_LOOK_EVERY_S = 0.1


class Reply(NamedTuple):
    """An answer that came through the balancer."""

    status: int
    content: Any


class Balancer:
    """Sends each request to the next instance that says it is ready, over a connection of its own.

    A connection that is refused brought nobody's request anywhere: the next instance is asked, as balancers do. Any
    other failure is the client's.
    """

    def __init__(self, session: ClientSession, urls: list[str]) -> None:
        self._session = session
        self._urls = urls
        self._ready = dict.fromkeys(urls, True)
        self._turns = count()
        self.answers: Counter[int] = Counter()

    async def watch(self) -> None:
        """Look who is ready, again and again until cancelled."""
        while True:
            for url in self._urls:
                self._ready[url] = await self._is_ready(url)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def request(self, method: str, target: str, **options: Any) -> Reply:
        """The answer of one instance to one request."""
        turn = next(self._turns)
        urls = [self._urls[(turn + step) % len(self._urls)] for step in range(len(self._urls))]
        for url in sorted(urls, key=lambda url: not self._ready[url]):
            try:
                async with self._session.request(method, url + target, **options) as answer:
                    reply = Reply(answer.status, await answer.json(content_type=None))
            except ClientConnectorError:
                self._ready[url] = False
                continue
            self.answers[reply.status] += 1
            return reply
        raise AssertionError("no instance takes connections")

    async def _is_ready(self, url: str) -> bool:
        try:
            async with self._session.get(f"{url}/readyz") as answer:
                return answer.status == 200
        except ClientError:
            return False


class Pair:
    """The two instances, and the balancer before them."""

    def __init__(self, instances: list[LoggedProcess], balancer: Balancer, folder: Path) -> None:
        self.instances = instances
        self.balancer = balancer
        self._folder = folder

    async def roll(self, variables: dict[str, str]) -> None:
        """Restart one instance and then the other, each with `variables` from then on."""
        for place, instance in enumerate(self.instances):
            assert 0 == await instance.stop(), instance.log
            successor = LoggedProcess(variables, self._folder, "--workers", "1", port=instance.port)
            self.instances[place] = successor
            await successor.until_ready()
            # The balancer has to see it before the other one goes.
            await asyncio.sleep(3 * _LOOK_EVERY_S)


@asynccontextmanager
async def pair(folder: Path, first: dict[str, str], second: dict[str, str] | None = None) -> AsyncIterator[Pair]:
    """Two instances until the block ends. second: the variables of the second one, where they differ."""
    instances = [LoggedProcess(given, folder, "--workers", "1") for given in (first, second or first)]
    urls = [instance.url for instance in instances]
    try:
        for instance in instances:
            await instance.until_ready()
        async with ClientSession(connector=TCPConnector(force_close=True), timeout=ClientTimeout(total=30)) as session:
            running = Pair(instances, Balancer(session, urls), folder)
            watching = asyncio.create_task(running.balancer.watch())
            try:
                yield running
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
    finally:
        for instance in instances:
            instance.kill()


@asynccontextmanager
async def meanwhile(*works: Callable[[], Awaitable[None]]) -> AsyncIterator[Counter[int]]:
    """Do each of `works` again and again until the block ends; how often each was done. Its failure is the test's."""
    done: Counter[int] = Counter()
    over = asyncio.Event()

    async def repeat(place: int, work: Callable[[], Awaitable[None]]) -> None:
        while not over.is_set():
            await work()
            done[place] += 1
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        for place, work in enumerate(works):
            group.create_task(repeat(place, work))
        try:
            yield done
        finally:
            over.set()
