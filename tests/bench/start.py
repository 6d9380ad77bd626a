"""From `farmlokal serve` to its first answer."""

import subprocess
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.client import HTTPConnection
from statistics import median

from tests.bench.figures import Figure
from tests.bench.processor_time import processor_s
from tests.bench.service_process import QUIET, Code
from tests.bench.shipped import shipped
from tests.bench.stand import Stand
from tests.servers.process import free_port

_WAIT_MAX_S = 60
_ASK_AGAIN_S = 0.002
_MORE_ROUNDS = 4
# A page that has to be loaded: planned, read, rendered, stored.
_TARGET = "/products?category=fruits&sort=price"


def start(stand: Stand) -> Iterator[Figure]:
    """Seconds from the start of the process to its first page, one worker, with Redis."""
    products = stand.options.products
    with shipped() as code:
        _started(stand, code)  # the first one compiles the modules
        taken = [_started(stand, code) for _ in range(stand.options.rounds + _MORE_ROUNDS)]
    for name, goal, values in (
        ("to the first page", "<= 0.8", [wall_s for wall_s, _ in taken]),
        ("its processor time", None, [spent_s for _, spent_s in taken]),
    ):
        yield Figure(
            f"start, one worker, {products:,} products: {name}",
            round(median(values), 3),
            round(min(values), 3),
            round(max(values), 3),
            "seconds",
            goal=goal,
            unit="s",
            better="smaller",
        )


def _started(stand: Stand, code: Code) -> tuple[float, float]:
    """How many seconds a start takes by the clock, and of the processor."""
    stand.redis.flush()
    port = free_port()
    url = stand.catalogue(stand.options.products).url
    environment = code.environment(url, {**QUIET, "FARMLOKAL_REDIS_URL": stand.redis.url()})
    command = code.command("serve", "--port", str(port), "--workers", "1")
    started_s = time.perf_counter()
    with subprocess.Popen(command, cwd=code.folder, env=environment) as process:
        try:
            while not _answers(port):
                if process.poll() is not None or time.perf_counter() - started_s > _WAIT_MAX_S:
                    raise TimeoutError(f"the service did not start; exit code {process.poll()}")
                time.sleep(_ASK_AGAIN_S)
            taken_s = time.perf_counter() - started_s
            return taken_s, processor_s(process.pid)
        finally:
            process.terminate()


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=_WAIT_MAX_S)
    try:
        connection.request("GET", _TARGET)
        return connection.getresponse().status == HTTPStatus.OK
    except ConnectionRefusedError:
        return False
    finally:
        connection.close()
