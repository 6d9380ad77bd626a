"""A private nginx: serves files beside which we are measured, or stands in front of the service as its cache."""

import os
from collections.abc import Sequence

from tests.servers.process import ServerFailed, ServerProcess
from tests.servers.programs import find_program

# Relative paths are those of the server's own folder, by `-p`. As root it would have its workers be another user, who
# cannot read that folder.
_CONFIG = """\
{user}
daemon off;
worker_processes {workers};
{affinity}
pid nginx.pid;
error_log stderr notice;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  default_type application/octet-stream;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  {http}
  server {{
    listen 127.0.0.1:{port};
    listen unix:{socket};
    {server}
  }}
}}
"""


class NginxServer(ServerProcess):
    """An nginx of the tests' own, without a log of requests.

    server: what stands in its `server` block beside the addresses. http: what stands in the `http` block before that.
    Relative paths in both are of `folder`, into which files may be put at any time. workers: its processes. cores: the
    numbers of the cores that these run on, a worker on each in turn; any core where none is named.
    """

    def __init__(self, server: str, *, http: str = "", workers: int = 1, cores: Sequence[int] = ()) -> None:
        program = find_program("nginx")
        if program is None:
            raise ServerFailed("no nginx: `make proof` and `make bench` find or unpack one")
        super().__init__(program)
        self.server = server
        self.http = http
        self.workers = workers
        self.cores = tuple(cores)

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """Write the configuration for this port; return the options that name it."""
        config = _CONFIG.format(
            user="user root;" if os.geteuid() == 0 else "",
            workers=self.workers,
            affinity=f"worker_cpu_affinity {' '.join(f'{1 << core:b}' for core in self.cores)};" if self.cores else "",
            http=self.http,
            server=self.server,
            port=self.port,
            socket=self.socket_path,
        )
        path = self.folder / "nginx.conf"
        path.write_text(config, encoding="utf-8")
        # A killed nginx leaves its socket behind, and does not start over it.
        self.socket_path.unlink(missing_ok=True)
        return ["-p", str(self.folder), "-c", str(path)]

    def answers(self) -> bool:
        """Return whether it accepts connections on its Unix socket."""
        return self.accepts()
