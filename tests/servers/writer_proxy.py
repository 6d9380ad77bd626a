"""HAProxy before database servers, with the section of deploy/haproxy/database.cfg for their engine."""

import re
from collections.abc import Sequence
from pathlib import Path

from tests.servers.access import DatabaseAccess
from tests.servers.process import ServerFailed, ServerProcess
from tests.servers.programs import find_program

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy" / "database.cfg"
CHECK_USER = "farmlokal-check"
_SECTION = re.compile(r"^(?=defaults|listen )", re.MULTILINE)
_SERVER = re.compile(r"^( +server \w+) \S+:3306", re.MULTILINE)


def section(name: str) -> str:
    """The lines of one `listen` section."""
    found = [one for one in _SECTION.split(CONFIGURATION.read_text("utf-8")) if one.startswith(f"listen {name}\n")]
    (text,) = found
    return text


class WriterProxy(ServerProcess):
    """HAProxy at `port`, which leads to the one of the servers that takes writes.

    name: of the section. ports: of the servers, in the section's order.
    """

    def __init__(self, name: str, ports: Sequence[int]) -> None:
        program = find_program("haproxy")
        if program is None:
            raise ServerFailed("no haproxy: `make proof` finds or unpacks one")
        super().__init__(program)
        self.name = name
        self.ports = ports

    def command(self) -> list[str]:
        """Write the configuration for our ports; return the options that name it."""
        _, defaults, *_ = _SECTION.split(CONFIGURATION.read_text("utf-8"))
        ports = iter(self.ports)
        text = re.sub(
            r"bind 127\.0\.0\.1:\d+", f"bind 127.0.0.1:{self.port}\n    bind {self.socket_path}", section(self.name)
        )
        text = _SERVER.sub(lambda found: f"{found[1]} 127.0.0.1:{next(ports)}", text)
        path = self.folder / "haproxy.cfg"
        path.write_text(defaults + text, "utf-8")
        return ["-db", "-f", str(path)]

    def answers(self) -> bool:
        """Return whether it accepts connections on its Unix socket."""
        return self.accepts()


def make_check_user(server: DatabaseAccess) -> None:
    """Make the user that the checks sign in as, with the right that one of them needs."""
    server.execute(f"CREATE USER '{CHECK_USER}'@'%' IDENTIFIED BY ''")
    ((version,),) = server.execute("SELECT VERSION()")
    if "MariaDB" not in version:
        server.execute(f"GRANT SELECT ON performance_schema.replication_group_members TO '{CHECK_USER}'@'%'")
