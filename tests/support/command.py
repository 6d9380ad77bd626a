"""The `farmlokal` command as a process with arguments, an environment and an exit code."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.support.forked_command import run_forked
from tests.support.products import PRODUCTS, product
from tests.support.secret_watch import watch_output, watch_variables
from tests.support.service import SECRET_KEY, fill, sqlite_url

DONE_WAIT_MAX_S = 200  # on a busy machine
START_WAIT_MAX_S = 100
_ANSWER_WAIT_MAX_S = 30


def developers(folder: Path) -> dict[str, str]:
    """The environment of a developer's machine with an SQLite catalogue in `folder`."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("FARMLOKAL_", "PORT", "WEB_"))}
    return ours | {
        "FARMLOKAL_DATABASE_URL": sqlite_url(folder),
        "FARMLOKAL_DRAIN_S": "0",
        "FARMLOKAL_RATE_LIMIT": "off",
    }


def operators(folder: Path, mysql_url: str, redis_url: str) -> dict[str, str]:
    """The environment of a machine that serves with several processes: MariaDB and Redis."""
    urls = {"FARMLOKAL_DATABASE_URL": mysql_url, "FARMLOKAL_REDIS_URL": redis_url}
    # A busy machine may be slow to answer without being away.
    return developers(folder) | urls | {"FARMLOKAL_SECRET_KEY": SECRET_KEY, "FARMLOKAL_REDIS_WAIT_MS": "3000"}


def make_catalogue(environment: dict[str, str]) -> None:
    """Make the schema in the environment's database, and put the tests' products into it."""
    asyncio.run(fill(environment["FARMLOKAL_DATABASE_URL"], [product(number) for number in range(1, PRODUCTS + 1)]))


def farmlokal(environment: dict[str, str], folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The finished command, run in `folder`."""
    watch_variables(environment)
    done = run_forked(arguments, environment, folder, DONE_WAIT_MAX_S)
    watch_output(done.stdout, done.stderr)
    return done


def run_module(
    module: str, environment: dict[str, str], folder: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """The finished `python -m module`, run in `folder`."""
    watch_variables(environment)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DONE_WAIT_MAX_S,
        check=False,
    )
    watch_output(done.stdout, done.stderr)
    return done


class _Watched(subprocess.Popen[str]):
    """A process whose output is searched for secrets when the test takes it."""

    def communicate(self, input: str | None = None, timeout: float | None = None) -> tuple[str, str]:  # noqa: A002
        """What it wrote, as Popen gives it."""
        written = super().communicate(input, timeout)
        watch_output(*written)
        return written


@contextmanager
def running(environment: dict[str, str], folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command while it runs; it is killed at the end of the block if it still does."""
    watch_variables(environment)
    with _Watched(
        [sys.executable, "-m", "farmlokal", *arguments],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def get(port: int, target: str) -> tuple[int, dict[str, str], Any]:
    """Status, headers and decoded body of one request."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=_ANSWER_WAIT_MAX_S)) as connection:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), json.loads(response.read())


def wait_until_ready(process: subprocess.Popen[str], port: int) -> None:
    """Return once the service on `port` says that it is ready."""
    deadline = time.monotonic() + START_WAIT_MAX_S
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        try:
            if get(port, "/readyz")[0] == 200:
                return
        except (ConnectionError, TimeoutError):  # it may listen long before it answers
            time.sleep(0.05)
    raise AssertionError("the service did not get ready")
