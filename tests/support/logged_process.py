"""A service process whose log can be read while it runs."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from tests.servers.process import free_port
from tests.support.command import DONE_WAIT_MAX_S, START_WAIT_MAX_S, get
from tests.support.secret_watch import watch_output, watch_variables

_numbers = count(1)


class LoggedProcess:
    """`farmlokal serve` on `port`; what it writes on both streams goes to `log_path`."""

    def __init__(self, variables: dict[str, str], folder: Path, *arguments: str, port: int | None = None) -> None:
        watch_variables(variables)
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = folder / f"service-{next(_numbers)}.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "farmlokal", "serve", "--port", str(self.port), *arguments],
                env=variables,
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        """Everything that it wrote so far."""
        return self.log_path.read_text("utf-8")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The whole lines of its log."""
        return [json.loads(line) for line in self.log.splitlines(keepends=True) if line.endswith("\n")]

    async def until_ready(self) -> None:
        """Return once it serves."""
        await asyncio.to_thread(self._wait_until_ready)

    async def until_logged(self, event: str, times: int = 1) -> None:
        """Return once `event` stands in the log so often."""
        async with asyncio.timeout(30):
            while True:
                if sum(line["event"] == event for line in self.lines) >= times:
                    return
                await asyncio.sleep(0.05)

    async def stop(self) -> int:
        """End it in good order; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(self.process.wait, DONE_WAIT_MAX_S)
        watch_output(self.log)
        return code

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_WAIT_MAX_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log
            with suppress(ConnectionError, TimeoutError):
                if get(self.port, "/readyz")[0] == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the service did not get ready: {self.log}")

    def kill(self) -> None:
        """End it and whatever it started."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@asynccontextmanager
async def logged_process(variables: dict[str, str], folder: Path, *arguments: str) -> AsyncIterator[LoggedProcess]:
    """A service that serves, until the block ends."""
    process = LoggedProcess(variables, folder, *arguments)
    try:
        await process.until_ready()
        yield process
        assert 0 == await process.stop(), process.log
    finally:
        process.kill()
