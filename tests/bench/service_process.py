"""The service as it ships: `farmlokal serve` in a process of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection

from tests.servers.process import free_port

SECRET_KEY = "a key that only the benchmark knows"
_START_WAIT_MAX_S = 60

# Nothing stays fresh or fits for long: every question that was not asked within the last second goes to the database.
COLD = {"FARMLOKAL_CACHE_TTL_S": "1", "FARMLOKAL_STALE_S": "0", "FARMLOKAL_L1_BYTES": str(2**20)}


@contextmanager
def service(database_url: str, **variables: str) -> Iterator[int]:
    """Run the service with one worker until the block ends; its port. variables: further settings of its."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FARMLOKAL_")}
    environment |= {
        "FARMLOKAL_DATABASE_URL": database_url,
        "FARMLOKAL_SECRET_KEY": SECRET_KEY,
        "FARMLOKAL_RATE_LIMIT": "off",
        "FARMLOKAL_LOG_LEVEL": "error",
        "FARMLOKAL_DRAIN_S": "0",
        **variables,
    }
    command = [sys.executable, "-m", "farmlokal", "serve", "--port", str(port), "--workers", "1"]
    process = subprocess.Popen(command, env=environment)
    try:
        _wait_until_ready(process, port)
        yield port
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
