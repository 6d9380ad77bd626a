"""HAProxy that passes bytes on to one server: what is between a service and it, which can be frozen like any server."""

from tests.servers.process import ServerFailed, ServerProcess
from tests.servers.programs import find_program

_CONFIGURATION = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen forwarder
    bind 127.0.0.1:{port}
    bind {socket}
    server it 127.0.0.1:{target}
"""


class Forwarder(ServerProcess):
    """HAProxy at `port`, which leads to the port `target` of this machine."""

    def __init__(self, target: int) -> None:
        program = find_program("haproxy")
        if program is None:
            raise ServerFailed("no haproxy: `make proof` finds or unpacks one")
        super().__init__(program)
        self.target = target

    def command(self) -> list[str]:
        """Write the configuration; return the options that name it."""
        path = self.folder / "haproxy.cfg"
        path.write_text(
            _CONFIGURATION.format(port=self.port, socket=self.socket_path, target=self.target), encoding="utf-8"
        )
        return ["-db", "-f", str(path)]

    def answers(self) -> bool:
        """Return whether it accepts connections on its Unix socket."""
        return self.accepts()
