"""What the fast figures stand beside: nginx with a file, and the least that an aiohttp handler can do."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from socket import create_connection

from tests.bench.answers import Answer, ask
from tests.bench.cores import on_cores
from tests.bench.service_process import Running
from tests.servers import NginxServer
from tests.servers.process import free_port

TARGET = "/page"
_START_WAIT_MAX_S = 30
# What nginx says by itself, in its own words and about as long.
_NGINX_OWN = ("date", "server", "content-type", "content-length", "etag", "last-modified", "connection", "age")
# Files stay open, and connections last.
_NGINX = """
root files;
open_file_cache max=10;
open_file_cache_valid 1h;
keepalive_requests 1000000000;
keepalive_timeout 1h;
default_type application/json;
etag on;
{fields}
"""
# One read and one write: for files of these sizes at least as fast as sendfile, for small ones much faster.
_NGINX_HTTP = "sendfile off; output_buffers 1 128k; tcp_nodelay on;"


@contextmanager
def nginx_with(answer: Answer, *, workers: int = 1, cores: Sequence[int] = ()) -> Iterator[int]:
    """Serve the answer's body as a file, with a head as long as near as possible, at TARGET; the port."""
    with nginx_running(answer, workers=workers, cores=cores) as running:
        yield running.port


@contextmanager
def nginx_running(answer: Answer, *, workers: int = 1, cores: Sequence[int] = ()) -> Iterator[Running]:
    """The same, and its process."""
    fields = [(name, value) for name, value in answer.fields if name.lower() not in _NGINX_OWN]
    added = "\n".join(f"add_header {name} {_quoted(value)};" for name, value in fields)
    with NginxServer(_NGINX.format(fields=added), http=_NGINX_HTTP, workers=workers, cores=cores) as server:
        (server.folder / "files").mkdir()
        (server.folder / "files" / TARGET.removeprefix("/")).write_bytes(answer.body)
        served = ask(server.port, TARGET)
        if served.body != answer.body:
            raise ValueError(f"nginx serves other bytes: {served}")
        yield Running(server.port, server.pid)


@contextmanager
def plain_handler_with(answer: Answer, *, cores: Sequence[int] = ()) -> Iterator[int]:
    """Serve the answer's body from a plain aiohttp handler on uvloop, at TARGET and at `/products`; the port."""
    with plain_handler_running(answer, cores=cores) as running:
        yield running.port


@contextmanager
def plain_handler_running(answer: Answer, *, cores: Sequence[int] = ()) -> Iterator[Running]:
    """The same, and its process."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page"
        page.write_bytes(answer.body)
        command = [sys.executable, "-m", "tests.bench.plain_server", str(port), str(page)]
        root = Path(__file__).parents[2]
        process = subprocess.Popen(on_cores(cores, command), cwd=root, env=os.environ | {"PYTHONPATH": str(root)})
        try:
            _wait_for(port)
            yield Running(port, process.pid)
        finally:
            process.terminate()
            process.wait()


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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
