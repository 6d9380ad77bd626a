"""Three database servers that are one group: MariaDB with Galera, MySQL with Group Replication."""

import os
import re
import time
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Generic, Self, TypeVar

import pymysql
from typing_extensions import override

from tests.servers.mariadb_server import MariaDBServer
from tests.servers.process import ServerFailed, free_port
from tests.servers.programs import Program, find_galera_library, find_mysql_program

MEMBERS = 3
JOINED_WITHIN_S = 60.0
_GROUP_NAME = "5f2b1c0e-3d4a-4b6c-8d7e-9f0a1b2c3d4e"
_STATE = "SELECT member_state FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid"


class GroupMember(MariaDBServer):
    """One member. group_port: at which the others reach it."""

    def __init__(self, *options: str, program: Program | None = None) -> None:
        super().__init__(*options, program=program)
        self.group_port = free_port()
        self.others: Sequence[GroupMember] = ()

    @abstractmethod
    def joined(self) -> bool:
        """Return whether it takes statements as a member of its group."""

    @property
    def addresses(self) -> str:
        """Where the members reach each other."""
        return ",".join(f"127.0.0.1:{member.group_port}" for member in self.others)

    def until_joined(self) -> None:
        """Wait until it is a member. Raises ServerFailed, with the end of its log, where it does not become one."""
        deadline = time.monotonic() + JOINED_WITHIN_S
        while time.monotonic() < deadline:
            if self.joined():
                return
            time.sleep(0.05)
        raise ServerFailed("\n".join(("no member of its group:", *self.log_path.read_text().splitlines()[-140:])))

    def tells(self, statement: str, at: int = 0) -> object:
        """Return one column of the first row that a statement selects; None where there is none, or no answer."""
        try:
            rows = self.execute(statement)
        except pymysql.MySQLError:
            return None
        return rows[0][at] if rows else None


class GaleraNode(GroupMember):
    """A MariaDB with Galera, which joins with a copy of the first one's data."""

    def __init__(self) -> None:
        super().__init__("--wsrep-new-cluster")
        path = os.pathsep.join((str(Path(__file__).parent), os.environ["PATH"]))
        self.program = self.program._replace(variables={**self.program.variables, "PATH": path})

    @override
    def command(self) -> list[str]:
        library = find_galera_library()
        if library is None:
            raise ServerFailed("no Galera library: `make proof` finds or unpacks one")
        provider = {
            "base_port": self.group_port,
            "gmcast.listen_addr": f"tcp://127.0.0.1:{self.group_port}",
            "ist.recv_addr": f"127.0.0.1:{free_port()}",
            "gcache.size": "16M",
            # Who is silent for so long is out: short, so that tests are, and long enough for a busy machine.
            "evs.keepalive_period": "PT0.5S",
            "evs.inactive_check_period": "PT0.5S",
            "evs.suspect_timeout": "PT2S",
            "evs.inactive_timeout": "PT4S",
        }
        group = [
            "--wsrep-on=ON",
            f"--wsrep-provider={library}",
            f"--wsrep-provider-options={';'.join(f'{name}={value}' for name, value in provider.items())}",
            f"--wsrep-cluster-address=gcomm://{self.addresses}",
            f"--wsrep-node-address=127.0.0.1:{self.group_port}",
            f"--wsrep-node-name=at-{self.group_port}",
            "--wsrep-cluster-name=farm",
            "--wsrep-sst-method=nothing",
            "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2",
        ]
        return [*super().command(), *group]

    def rejoin(self) -> None:
        """Start again after a kill, as the distribution's service does: from the position that the data have."""
        found = self._run(*self.command(), "--wsrep-recover").stderr
        position = re.search(r"Recovered position: (\S+)", found)
        if position is None:
            raise ServerFailed(f"{self!r} does not say its position:\n{found}")
        options = self.options
        self.options = (*options, f"--wsrep-start-position={position[1]}")
        self.start()
        self.options = options
        self.until_joined()

    @override
    def joined(self) -> bool:
        return self.tells("SHOW STATUS LIKE 'wsrep_local_state_comment'", 1) == "Synced"


class MySQLMember(GroupMember):
    """A MySQL with Group Replication, from the installation that FARMLOKAL_TEST_MYSQL_ROOT names."""

    def __init__(self) -> None:
        super().__init__(program=find_mysql_program())

    @override
    def command(self) -> list[str]:
        group = [
            f"--server-id={self.port}",
            "--report-host=127.0.0.1",
            f"--report-port={self.port}",
            "--log-bin=binlog",
            "--relay-log=relay",
            "--gtid-mode=ON",
            "--enforce-gtid-consistency=ON",
            "--plugin-load-add=group_replication.so",
            f"--group-replication-group-name={_GROUP_NAME}",
            f"--group-replication-local-address=127.0.0.1:{self.group_port}",
            f"--group-replication-group-seeds={self.addresses}",
            "--group-replication-start-on-boot=OFF",
            "--group-replication-recovery-get-public-key=ON",
            "--group-replication-member-expel-timeout=0",
            "--group-replication-autorejoin-tries=0",
            "--group-replication-exit-state-action=READ_ONLY",
        ]
        return [*super().command(), *group]

    def join(self, *, first: bool) -> None:
        """Begin the group, or join it."""
        recovery = "SOURCE_USER = 'recovery', SOURCE_PASSWORD = 'recovery'"
        with self.opened() as connection, connection.cursor() as cursor:
            for statement in (
                "SET sql_log_bin = 0",
                "CREATE USER recovery@'%' IDENTIFIED BY 'recovery'",
                "GRANT REPLICATION SLAVE, GROUP_REPLICATION_STREAM, CONNECTION_ADMIN ON *.* TO recovery@'%'",
                "RESET BINARY LOGS AND GTIDS",
                f"CHANGE REPLICATION SOURCE TO {recovery} FOR CHANNEL 'group_replication_recovery'",
                f"SET GLOBAL group_replication_bootstrap_group = {int(first)}",
                "START GROUP_REPLICATION",
                "SET GLOBAL group_replication_bootstrap_group = 0",
            ):
                cursor.execute(statement)
        self.until_joined()

    @override
    def joined(self) -> bool:
        return self.tells(_STATE) == "ONLINE"


Member = TypeVar("Member", bound=GroupMember)


class _Group(Generic[Member]):
    """Started on entry, killed on exit."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = members
        for member in members:
            member.others = members
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as servers:
            self._start(servers)
            self._servers = servers.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._servers.close()

    @abstractmethod
    def _start(self, servers: ExitStack) -> None:
        """Start the members, each entered into `servers`."""


class GaleraGroup(_Group[GaleraNode]):
    """Three nodes, all of which take writes."""

    def __init__(self) -> None:
        super().__init__([GaleraNode() for _ in range(MEMBERS)])

    @override
    def _start(self, servers: ExitStack) -> None:
        first, *others = self.members
        # Once by itself, so that its data have a position, which the others take over with their copies.
        first.start().until_joined()
        first.stop()
        for node in others:
            first.copy_data_to(node)
            node.options = ()
        for node in self.members:
            servers.enter_context(node)
            node.until_joined()
        first.options = ()


class MySQLGroup(_Group[MySQLMember]):
    """Three members, of which the first takes writes."""

    def __init__(self) -> None:
        super().__init__([MySQLMember() for _ in range(MEMBERS)])

    @override
    def _start(self, servers: ExitStack) -> None:
        first, *others = self.members
        first.prepare()
        for member in others:
            first.copy_data_to(member)
        for number, member in enumerate(self.members):
            servers.enter_context(member)
            member.join(first=number == 0)
