"""Tokens from the cache: how many a second, beside a handler that does nothing."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat
from socket import create_connection

from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET
from tests.bench.figures import Figure, ratio
from tests.bench.http_load import run_requests
from tests.bench.samples import Sample
from tests.bench.service_process import service
from tests.bench.stand import Stand
from tests.servers.process import free_port

_CONNECTIONS = 32
_API_KEY = "a-key-of-the-benchmark"
_START_WAIT_MAX_S = 30


def tokens(stand: Stand) -> Iterator[Figure]:
    """Calls of `GET /auth/token` a second with the token in memory, 32 connections, one worker."""
    url = stand.access.url(stand.new_database())
    with _partner() as partner_url:
        variables = {
            "FARMLOKAL_API_KEYS": _API_KEY,
            "FARMLOKAL_OAUTH_TOKEN_URL": f"{partner_url}/oauth/token",
            "FARMLOKAL_OAUTH_CLIENT_ID": CLIENT_ID,
            "FARMLOKAL_OAUTH_CLIENT_SECRET": CLIENT_SECRET,
        }
        with service(url, FARMLOKAL_REDIS_URL=stand.redis.url(), **variables) as port:
            rounds = [
                (_sample(stand, port, "/auth/token"), _sample(stand, port, "/livez"))
                for _ in range(stand.options.rounds)
            ]
    yield ratio(
        "cached token: rate",
        [(token.rate, plain.rate) for token, plain in rounds],
        "GET /livez of the same process",
        extra={
            "tokens_per_s": round(max(token.rate for token, _ in rounds)),
            "errors": sum(token.errors for token, _ in rounds),
        },
    )


def _sample(stand: Stand, port: int, target: str) -> Sample:
    return stand.run(_load, port, target, stand.options.seconds)


def _load(port: int, target: str, seconds: float) -> Sample:
    request = f"GET {target} HTTP/1.1\r\nHost: bench\r\nX-API-Key: {_API_KEY}\r\n\r\n".encode()
    return run_requests(port, repeat(request), connections=_CONNECTIONS, seconds=seconds)


@contextmanager
def _partner() -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "farmlokal", "partner", "--port", str(port), "--products", "1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_WAIT_MAX_S
    while True:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
