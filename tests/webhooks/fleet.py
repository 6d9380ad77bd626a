"""Several service processes on one database and one Redis, each on a port of its own."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.servers.process import free_port
from tests.support.command import START_WAIT_MAX_S
from tests.support.webhook_sender import PATH, SECRET, Answer, body_of, headers_for, post

_TRIES_MAX = 200


class Fleet:
    """Running processes, and a client of all of them."""

    def __init__(self, ports: list[int], client: ClientSession) -> None:
        self.ports = ports
        self.client = client

    def url(self, number: int) -> str:
        """The base URL of one process, counted round and round."""
        return f"http://127.0.0.1:{self.ports[number % len(self.ports)]}"

    async def deliver(
        self,
        number: int,
        event_type: str,
        data: object,
        event_id: str,
        *,
        on_attempt: Callable[[int | None, float], object] = lambda *_: None,
    ) -> Answer:
        """Deliver one event as a sender does, again and again until it is answered; the first try goes to `number`.

        Anything but a 2xx or a 422 is tried again, at the next process. on_attempt: called after each try with its
        status, None where there was no answer, and the seconds that it took.
        """
        body = body_of(event_type, data)
        for attempt in range(_TRIES_MAX):
            status, began = None, time.monotonic()
            with suppress(ClientError, TimeoutError):
                url = self.url(number + attempt) + PATH
                answer = await post(self.client, body, headers_for(event_id, body), url=url)
                status = answer.status
            on_attempt(status, time.monotonic() - began)
            if status is not None and (status < 300 or status == 422):
                return answer
            await asyncio.sleep(0.02 * min(attempt, 10))
        raise AssertionError(f"{event_id} could not be delivered")

    async def get(self, number: int, target: str) -> tuple[str, Any]:
        """`Cache-Status` and body of one answer of one process."""
        async with self.client.get(self.url(number) + target) as response:
            assert 200 == response.status, await response.text()
            return response.headers["Cache-Status"], await response.json()


@asynccontextmanager
async def fleet_of(environment: dict[str, str], folder: Path, count: int) -> AsyncIterator[Fleet]:
    """`count` processes of `farmlokal serve`, killed at the end of the block."""
    variables = environment | {"FARMLOKAL_WEBHOOK_SECRETS": SECRET, "FARMLOKAL_LOG_LEVEL": "error"}
    ports = [free_port() for _ in range(count)]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(ClientSession(timeout=ClientTimeout(total=30)))
        for port in ports:
            arguments = ["-m", "farmlokal", "serve", "--port", str(port), "--workers", "1"]
            process = subprocess.Popen([sys.executable, *arguments], env=variables, cwd=folder)  # noqa: ASYNC220
            stack.callback(process.wait)
            stack.callback(process.kill)
        for port in ports:
            await wait_until_ready(client, port)
        yield Fleet(ports, client)


async def wait_until_ready(client: ClientSession, port: int) -> None:
    """Return once the service on `port` is ready."""
    for _ in range(START_WAIT_MAX_S * 20):
        with suppress(ClientError, TimeoutError):
            async with client.get(f"http://127.0.0.1:{port}/readyz") as response:
                if response.status == 200:
                    return
        await asyncio.sleep(0.05)
    raise AssertionError("the service did not get ready")
