"""Real processes that share a cache: starting them, asking them, killing them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
from redis.asyncio import Redis

ROOT = Path(__file__).parents[2]
# On a busy machine: four processes start, and answer thousands of callers each.
_ANSWER_WAIT_MAX_S = 120


class WorkerProcess:
    """One `tests.caching.worker`."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._number = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.caching.worker"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=2**26,
        )
        ready = self._expect(0)
        self._reading = asyncio.create_task(self._read())
        self._send(self._options)
        await asyncio.wait_for(ready, _ANSWER_WAIT_MAX_S)
        async with asyncio.timeout(_ANSWER_WAIT_MAX_S):
            while "listening=True" not in (await self.ask("state"))["cache"]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()
        await self._reading
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def ask(self, do: str, **command: Any) -> dict[str, Any]:
        """The answer to one command."""
        return await asyncio.wait_for(self.begin(do, **command), _ANSWER_WAIT_MAX_S)

    def begin(self, do: str, **command: Any) -> asyncio.Future[dict[str, Any]]:
        """Send a command; its answer, when it comes."""
        self._number += 1
        answer = self._expect(self._number)
        self._send({"number": self._number, "do": do, **command})
        return answer

    @property
    def pid(self) -> int:
        """The number of this process."""
        return self._process.pid

    async def kill(self) -> None:
        """End this process as a crash would, and wait until it has ended."""
        self._process.kill()
        await self._process.wait()

    def _expect(self, number: int) -> asyncio.Future[dict[str, Any]]:
        self._waiting[number] = asyncio.get_running_loop().create_future()
        return self._waiting[number]

    def _send(self, content: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(orjson.dumps(content) + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            answer = orjson.loads(line)
            waiting = self._waiting.pop(answer["number"])
            if "error" in answer:
                waiting.set_exception(AssertionError(answer["error"]))
            elif not waiting.done():
                waiting.set_result(answer)


class Group:
    """Some workers on one Redis, and their origin."""

    def __init__(self, workers: list[WorkerProcess], origin: Redis) -> None:
        self.workers = workers
        self.origin = origin

    async def loads(self) -> int:
        """How many loads the origin has seen."""
        return int(await self.origin.get("loads") or 0)

    async def ask_all(self, do: str, **command: Any) -> list[dict[str, Any]]:
        """Every worker's answer to one command."""
        return await asyncio.gather(*(worker.ask(do, **command) for worker in self.workers))

    async def until_loads(self, number: int) -> None:
        """Wait until `number` loads have begun."""
        async with asyncio.timeout(_ANSWER_WAIT_MAX_S):
            while await self.loads() < number:  # noqa: ASYNC110 - in another process
                await asyncio.sleep(0.005)

    async def follower(self, worker: WorkerProcess, key: str, callers: int = 1) -> asyncio.Future[dict[str, Any]]:
        """Have `worker` ask for what another one loads, and wait until it has heard so; its answer, when it comes."""
        before = (await worker.ask("state"))["busy"]
        answer = worker.begin("get", key=key, callers=callers)
        async with asyncio.timeout(_ANSWER_WAIT_MAX_S):
            while (await worker.ask("state"))["busy"] == before:
                pass
        return answer


@asynccontextmanager
async def workers(count: int, redis_url: str, origin_url: str, **options: Any) -> AsyncIterator[Group]:
    """`count` processes that share the Redis at `redis_url`, with an empty origin at `origin_url`."""
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(Redis.from_url(origin_url))
        await origin.flushdb()
        started = await asyncio.gather(
            *(
                stack.enter_async_context(WorkerProcess(redis_url=redis_url, origin_url=origin_url, **options))
                for _ in range(count)
            )
        )
        yield Group(started, origin)
