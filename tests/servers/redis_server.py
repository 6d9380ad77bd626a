"""A private Redis server, or Valkey where a machine has that instead."""

import contextlib
import socket
from pathlib import Path

from tests.servers.access import RedisAccess
from tests.servers.certificates import make_certificates
from tests.servers.process import ServerFailed, ServerProcess
from tests.servers.programs import Program, find_redis_program

TLS_OPTIONS = {"ca": "--tls-ca-cert-file", "cert": "--tls-cert-file", "key": "--tls-key-file"}


class RedisServer(ServerProcess, RedisAccess):
    """A Redis server of the tests' own that keeps nothing: a restarted one is empty.

    `options` are further options of the server program. With `tls`, its port speaks TLS alone, with a certificate
    for 127.0.0.1 and localhost signed by the authority in `ca_path`. program: by default whichever is found.
    """

    def __init__(self, *options: str, tls: bool = False, program: Program | None = None) -> None:
        program = program or find_redis_program()
        if program is None:
            raise ServerFailed("no Redis server program: `make test` finds or installs one")
        super().__init__(program)
        self.options = options
        self.certificates = make_certificates(self.folder) if tls else None

    @property
    def ca_path(self) -> Path | None:
        """The certificate authority's file, for clients that verify; None without TLS."""
        return self.certificates.ca_path if self.certificates else None

    @property
    def base_url(self) -> str:
        """`redis://127.0.0.1:PORT/0`, or `rediss://` with `ssl_ca_certs` when the server has TLS."""
        address = f"127.0.0.1:{self.port}/0"
        return f"rediss://{address}?ssl_ca_certs={self.ca_path}" if self.ca_path else f"redis://{address}"

    def command(self) -> list[str]:
        """Return the options of a server without persistence on this port."""
        listening = ["--bind", "127.0.0.1", "--unixsocket", str(self.socket_path)]
        keeping_nothing = ["--save", "", "--appendonly", "no", "--dir", str(self.folder)]
        return [*listening, *self._port_options(), *keeping_nothing, *self.options]

    def answers(self) -> bool:
        """Return whether the server answers PING on its Unix socket."""
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.settimeout(5)
            probe.connect(str(self.socket_path))
            probe.sendall(b"PING\r\n")
            return probe.recv(64).startswith(b"+PONG")
        return False

    def _port_options(self) -> list[str]:
        if self.certificates is None:
            return ["--port", str(self.port)]
        files = [word for kind, path in self.certificates.files() for word in (TLS_OPTIONS[kind], str(path))]
        return ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no", *files]
