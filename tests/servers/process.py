"""One private server process: started on a free port, stopped, killed, paused, and never left behind."""

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Self

from tests.servers.freezing import freeze, thaw
from tests.servers.programs import Program

# Below the range from which the kernel takes source ports: while a server is down, no client's connection can take
# its port, nor connect to itself there, which on loopback happens within a few thousand attempts.
PORTS = range(20_000, 32_000)
START_ATTEMPTS = 5
START_WAIT_S = 60.0  # a data directory on a busy two-core machine takes seconds; a minute means that it hangs
STOP_WAIT_S = 30.0
LOG_LINES_SHOWN = 40

# Reads until the tests' end of the pipe closes, however they ended, SIGKILL included; then cleans up after them.
WATCH = 'read -r never; kill -s KILL -- "-$1"; sleep 0.2; rm -rf "$2"'


class ServerFailed(Exception):
    """A server did not start; the message holds the end of its log."""


class ServerProcess(ABC):
    """A server of the tests' own in a temporary folder, listening on 127.0.0.1 and on a Unix socket.

    `port` is chosen by the first start and kept by every later one. As a context manager it starts on entry, and on
    exit is killed and its folder removed; so it is too when the tests' process ends in any other way.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.folder = Path(tempfile.mkdtemp(prefix="fl-"))
        self.socket_path = self.folder / "sock"  # short: a socket's path has at most 107 bytes
        self.log_path = self.folder / "log"
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    @abstractmethod
    def command(self) -> list[str]:
        """Return the options of the server program, for the port in `self.port`."""

    @abstractmethod
    def answers(self) -> bool:
        """Return whether the server answers on its Unix socket, which nobody else can have opened."""

    def prepare(self) -> None:  # noqa: B027 - a server that needs nothing prepared is complete without it
        """Make what the server needs before its first start."""

    @property
    def running(self) -> bool:
        """Whether the process lives; a paused one does."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The number of the process. Raises ServerFailed where there is none."""
        if self._process is None:
            raise ServerFailed("the server does not run")
        return self._process.pid

    def accepts(self) -> bool:
        """Return whether somebody listens on the Unix socket."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket_path)) == 0

    def start(self) -> Self:
        """Start the server and wait until it answers; return it. Raises ServerFailed, with the log, if it does not."""
        if self.port:
            self._launch()
            return self
        self.prepare()
        for attempt in range(1, START_ATTEMPTS + 1):
            self.port = free_port()
            try:
                self._launch()
            except ServerFailed as failed:
                # Somebody else took the port between our look and the server's.
                if attempt < START_ATTEMPTS and "already in use" in str(failed):
                    continue
                self.port = 0
                raise
            break
        return self

    def stop(self) -> None:
        """Stop the server in good order: what it was given to keep is kept."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once, as a crash would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the server in good order and start it on the same port."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Freeze the server: connections open and then nothing answers."""
        freeze(self._running_pid())

    def resume(self) -> None:
        """Let a paused server go on."""
        thaw(self._running_pid())

    def close(self) -> None:
        """Kill the server and remove its folder; a second call does nothing."""
        atexit.unregister(self.close)
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} port={self.port} {'running' if self.running else 'stopped'}>"

    def _launch(self) -> None:
        if self.running:
            raise ServerFailed(f"{self!r} is already running")
        with self.log_path.open("ab") as log:
            log_start = log.tell()
            self._process = subprocess.Popen(
                [self.program.name, *self.program.before, *self.command()],
                executable=self.program.path,
                env=self.program.environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the tests, which then stop the server
            )
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, "sh", str(self._process.pid), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_until_it_answers(log_start)

    def _wait_until_it_answers(self, log_start: int) -> None:
        deadline = time.monotonic() + START_WAIT_S
        while self.running and time.monotonic() < deadline:
            if self.answers():
                return
            time.sleep(0.02)
        outcome = "does not answer" if self.running else "ended by itself"
        self.kill()
        written = self.log_path.read_bytes()[log_start:].decode(errors="replace").splitlines()
        raise ServerFailed("\n".join((f"{self.program.path} {outcome}:", *written[-LOG_LINES_SHOWN:])))

    def _running_pid(self) -> int:
        if not self.running:
            raise ServerFailed(f"{self!r} is not running")
        return self.pid

    def _end(self, number: signal.Signals) -> None:
        """End the process by a signal, then its watcher, whose work is done."""
        if self._process is not None:
            if self.running:
                # The session that it leads: a server may have made processes of its own.
                os.killpg(self._process.pid, number)
                os.killpg(self._process.pid, signal.SIGCONT)  # a paused process does not notice SIGTERM
            try:
                self._process.wait(STOP_WAIT_S)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._process = None
        if self._watcher is not None:
            self._watcher.kill()
            self._watcher.communicate()
            self._watcher = None


def shuffled_ports() -> Iterator[int]:
    """Yield, again and again in one random order, the ports that this process chooses from.

    Test processes that run beside each other choose from a share each, and none offers a port twice while it has
    others: nobody else can take a port between our look and the server's.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    share = PORTS[worker % workers :: workers]
    return cycle(random.sample(share, len(share)))


_ports = shuffled_ports()


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 on which nobody listens at this moment."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            # As the servers do: an old connection's TIME_WAIT is no reason to pass over a port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("a cycle has no end")
