"""A headless Chromium, driven by its own DevTools protocol: one page, what it asked for, and what it complained of."""

import asyncio
import base64
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

_START_WAIT_MAX_S = 60
_ANSWER_WAIT_MAX_S = 60
_OPTIONS = (
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    # Its sandbox needs a system account of its own; the one site that it opens is the one under test.
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,2200",
    # No name but our own leads anywhere.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
)


class Page:
    """One tab. requested: every URL that it asked for. complaints: errors, and violations of its policy."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self._socket = socket
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reading = asyncio.create_task(self._read(), name="what the browser says")

    def __repr__(self) -> str:
        return f"<Page requested={len(self.requested)} complaints={len(self.complaints)}>"

    async def close(self) -> None:
        """Listen no more."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one call of the protocol."""
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(_ANSWER_WAIT_MAX_S):
            message = await answer
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    async def open(self, url: str) -> None:
        """Go to `url`, listening from the first request on."""
        for domain in ("Network", "Page", "Runtime", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Page.navigate", url=url)

    async def value(self, script: str) -> Any:
        """What the expression `script` gives in the page, awaited."""
        result = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def wait_for(self, script: str) -> None:
        """Return once the expression `script` is true."""
        async with asyncio.timeout(_ANSWER_WAIT_MAX_S):
            while not await self.value(f"Boolean({script})"):  # noqa: ASYNC110 - what happens there sets no event here
                await asyncio.sleep(0.1)

    async def screenshot(self, path: Path) -> None:
        """Save what is to be seen, as PNG."""
        shot = await self.call("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(shot["data"]))

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.TEXT:
                self._take(message.json())

    def _take(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case None:
                self._waiting.pop(message["id"]).set_result(message)
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(params["exceptionDetails"]["text"])
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.complaints.append(params["entry"]["text"])
            case "Runtime.consoleAPICalled" if params["type"] == "error":
                self.complaints.append(str(params["args"]))


@asynccontextmanager
async def new_page(program: str) -> AsyncIterator[Page]:
    """An empty page of a Chromium of its own; `program` is its file."""
    folder = Path(tempfile.mkdtemp(prefix="farmlokal-chromium-"))
    process = await asyncio.create_subprocess_exec(
        program,
        *_OPTIONS,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port_in(folder / "DevToolsActivePort")
        async with ClientSession(f"http://127.0.0.1:{port}") as client:
            async with client.get("/json/list") as response:
                (address,) = [tab["webSocketDebuggerUrl"] for tab in await response.json() if tab["type"] == "page"]
            async with client.ws_connect(address, max_msg_size=0) as socket:
                page = Page(socket)
                try:
                    yield page
                finally:
                    await page.close()
    finally:
        process.kill()
        await process.wait()
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


async def _port_in(file: Path) -> int:
    """The port that the browser has taken, once it says so."""
    async with asyncio.timeout(_START_WAIT_MAX_S):
        while True:
            lines = await asyncio.to_thread(_lines, file)
            if len(lines) == 2:
                return int(lines[0])
            await asyncio.sleep(0.05)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
