"""The service as it ships: `farmlokal serve` in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

from tests.bench.cores import on_cores
from tests.servers.process import free_port

SECRET_KEY = "a key that only the benchmark knows"
_START_WAIT_MAX_S = 120
QUIET = {"FARMLOKAL_RATE_LIMIT": "off", "FARMLOKAL_LOG_LEVEL": "error", "FARMLOKAL_DRAIN_S": "0"}

# Nothing stays fresh or fits for long: every question that was not asked within the last second goes to the database.
COLD = {"FARMLOKAL_CACHE_TTL_S": "1", "FARMLOKAL_STALE_S": "0", "FARMLOKAL_L1_BYTES": str(2**20)}


@dataclass(frozen=True, slots=True)
class Code:
    """Which checkout of the service to run, and with which Python: its dependencies come from there.

    options: of that Python. packages: where it looks for packages before its own.
    """

    folder: Path = Path(__file__).parents[2]
    python: str = sys.executable
    options: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()

    def command(self, *arguments: str) -> list[str]:
        """The `farmlokal` command with arguments, to be run with `environment`."""
        return [self.python, *self.options, "-m", "farmlokal", *arguments]

    def environment(self, database_url: str, variables: Mapping[str, str] | None = None) -> dict[str, str]:
        """Our own environment without settings of the service but these, and with this checkout before all others.

        Modules are compiled once, as those of an installation are, whatever our own environment says.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FARMLOKAL_")}
        inherited.pop("PYTHONDONTWRITEBYTECODE", None)
        return {
            **inherited,
            "PYTHONPATH": os.pathsep.join((str(self.folder), *self.packages)),
            "FARMLOKAL_DATABASE_URL": database_url,
            "FARMLOKAL_SECRET_KEY": SECRET_KEY,
            **(variables or {}),
        }


HERE = Code()


class Running(NamedTuple):
    """A running service: its port on 127.0.0.1 and its process, whose children the workers are."""

    port: int
    pid: int


@contextmanager
def service(database_url: str, **variables: str) -> Iterator[int]:
    """Run the service with one worker until the block ends; its port. variables: further settings of its."""
    with running_service(database_url, variables) as running:
        yield running.port


@contextmanager
def running_service(
    database_url: str,
    variables: Mapping[str, str],
    *,
    workers: int = 1,
    cores: Sequence[int] = (),
    code: Code = HERE,
) -> Iterator[Running]:
    """The same with so many workers, on these cores alone where any are named, from another checkout."""
    port = free_port()
    command = code.command("serve", "--port", str(port), "--workers", str(workers))
    environment = code.environment(database_url, {**QUIET, **variables})
    process = subprocess.Popen(on_cores(cores, command), cwd=code.folder, env=environment)
    try:
        _wait_until_ready(process, port)
        yield Running(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_WAIT_MAX_S
    while time.monotonic() < deadline and process.poll() is None:
        # Categories are counted in the background after the start: measuring begins when that is over.
        if _answers(port, "/categories"):
            return
        time.sleep(0.1)
    raise TimeoutError(f"the service did not start; exit code {process.poll()}")


def _answers(port: int, target: str) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=_START_WAIT_MAX_S)
    try:
        connection.request("GET", target)
        return connection.getresponse().status == HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
