"""One way to ask whatever has a cache: the proxies, and the clients in processes of their own."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from aiohttp import ClientError, ClientSession, ClientTimeout
from multidict import CIMultiDict

from tests.clients.packages import ClientPrograms, client_programs
from tests.servers.cache_proxies import CACHE_PROXIES
from tests.web.test_negotiation import DECODERS

_HERE = Path(__file__).parent
# It shows what a default does: it goes by nothing that a service says.
KEEPS_EVERYTHING = "hishel as it comes"
PYTHON_CLIENTS = ("requests-cache", "CacheControl", "hishel", KEEPS_EVERYTHING, "aiohttp-client-cache")
NODE_CLIENTS = ("undici", "got", "make-fetch-happen")
# What a client sends that takes the usual coding.
GZIP = {"Accept-Encoding": "gzip"}
_WAIT_MAX_S = 60.0
_LINE_BYTES_MAX = 1 << 20


class Reading(NamedTuple):
    """One answer, and when it was asked for and there, by `time.monotonic`. status: 0 where there was none.

    body: decoded, where it is in a coding that its headers name; what the client raised where there was no answer.
    """

    started_s: float
    ended_s: float
    status: int
    headers: CIMultiDict[str]
    body: str

    @property
    def shown(self) -> int:
        """The price of the first product in paise: the number of the last write that the page shows."""
        price = str(json.loads(self.body)["data"][0]["price"])
        return int(price.replace(".", ""))


class Asker(Protocol):
    """Something with a cache that can be asked for an address of the service."""

    async def get(self, target: str, headers: Mapping[str, str]) -> Reading:
        """The answer to one request."""


class ProxyAsker:
    """A client without a cache of its own, behind a proxy that has one."""

    def __init__(self, session: ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def get(self, target: str, headers: Mapping[str, str]) -> Reading:
        """The answer to one request, with no other headers than these."""
        started_s = time.monotonic()
        try:
            async with self._session.get(self._base_url + target, headers=headers) as answer:
                raw = await answer.read()
                status, found = answer.status, CIMultiDict(answer.headers)
        except (ClientError, TimeoutError):
            return Reading(started_s, time.monotonic(), 0, CIMultiDict(), "")
        coding = found.get("Content-Encoding")
        body = raw if coding is None else DECODERS[coding](raw)
        return Reading(started_s, time.monotonic(), status, found, body.decode())


def proxy_session() -> ClientSession:
    """What asks proxies: it adds no header of its own, and decodes nothing."""
    return ClientSession(
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding", "User-Agent"),
        timeout=ClientTimeout(_WAIT_MAX_S),
    )


class ClientProcess:
    """A process with clients, which are asked by lines of JSON."""

    def __init__(self, process: asyncio.subprocess.Process, service_port: int) -> None:
        self._process = process
        self._base_url = f"http://127.0.0.1:{service_port}"
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = count()
        self._reading = asyncio.create_task(self._read())

    async def ask(self, client: str, target: str, headers: Mapping[str, str]) -> Reading:
        """The answer that `client` gives to one request."""
        number = next(self._numbers)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        asked = {"id": number, "client": client, "url": self._base_url + target, "headers": dict(headers)}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asked).encode() + b"\n")
        async with asyncio.timeout(_WAIT_MAX_S):
            told = await future
        headers_told = CIMultiDict({str(name): str(value) for name, value in told["headers"].items()})
        body = told.get("error", told["body"])
        return Reading(told["started_s"], told["ended_s"], told["status"], headers_told, body)

    async def end(self) -> None:
        """End the process: it reads to the end of its input."""
        self._reading.cancel()
        self._process.kill()
        await self._process.wait()

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            self._waiting.pop(told["id"]).set_result(told)
        for future in self._waiting.values():
            future.set_exception(RuntimeError(f"the process of the clients ended: {self._process.returncode}"))


class ClientAsker(NamedTuple):
    """A client in a process of its own."""

    process: ClientProcess
    client: str

    async def get(self, target: str, headers: Mapping[str, str]) -> Reading:
        """The answer to one request."""
        return await self.process.ask(self.client, target, headers)


@asynccontextmanager
async def client_process(command: list[str], folder: Path, service_port: int) -> AsyncIterator[ClientProcess]:
    """A process with clients, until the block ends. folder: where they keep what they keep on disk."""
    folder.mkdir()  # noqa: ASYNC240 - at once
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES_MAX,
    )
    clients = ClientProcess(process, service_port)
    try:
        yield clients
    finally:
        await clients.end()


@asynccontextmanager
async def askers(service_port: int, folder: Path) -> AsyncIterator[dict[str, Asker]]:
    """Everything with a cache, by its name in docs/clients.md, before the service at `service_port`."""
    programs: ClientPrograms = await asyncio.to_thread(client_programs)
    async with AsyncExitStack() as running:
        found: dict[str, Asker] = {}
        session = await running.enter_async_context(proxy_session())
        for name, kind in CACHE_PROXIES.items():
            proxy = kind(service_port)
            running.callback(proxy.close)
            await asyncio.to_thread(proxy.start)
            found[name] = ProxyAsker(session, proxy.base_url)
        python = [str(programs.python), str(_HERE / "python_clients.py")]
        node = [str(programs.node), str(_HERE / "node_clients.mjs"), str(programs.node_folder)]
        for names, command in ((PYTHON_CLIENTS, python), (NODE_CLIENTS, node)):
            kept_in = folder / names[0]
            process = await running.enter_async_context(client_process(command, kept_in, service_port))
            found |= {name: ClientAsker(process, name) for name in names}
        # Started, and with all that is loaded when it is first needed, before any time is measured.
        await asyncio.gather(*(asker.get("/livez", {}) for asker in found.values()))
        yield found
