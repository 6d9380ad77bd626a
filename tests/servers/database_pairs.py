"""Two database servers of which one takes writes and the other follows it, and the change of their roles."""

from abc import abstractmethod
from contextlib import ExitStack
from typing import Any, Self

from pymysql.cursors import DictCursor
from typing_extensions import override

from tests.servers.mariadb_server import MariaDBServer
from tests.servers.process import ServerFailed
from tests.servers.programs import Program, find_mysql_program
from tests.support.blocking_wait import wait_until

DATABASE = "farm"
USER, PASSWORD = "farmer", "of-the-farm"
_WAIT_MAX_S = 30
# A commit is acknowledged once the other one has it, so that a primary may die. Without the other nobody waits.
_MARIADB = (
    "--log-bin=log",
    "--log-slave-updates",
    "--binlog-format=ROW",
    "--sync-binlog=0",
    "--rpl-semi-sync-master-enabled=ON",
    "--rpl-semi-sync-slave-enabled=ON",
    "--rpl-semi-sync-master-wait-point=AFTER_SYNC",
    "--rpl-semi-sync-master-wait-no-slave=OFF",
)
_MYSQL = (
    "--log-bin=binlog",
    "--gtid-mode=ON",
    "--enforce-gtid-consistency=ON",
    "--sync-binlog=0",
    "--plugin-load-add=semisync_source.so",
    "--plugin-load-add=semisync_replica.so",
    "--rpl-semi-sync-source-enabled=ON",
    "--rpl-semi-sync-replica-enabled=ON",
    "--rpl-semi-sync-source-wait-no-replica=OFF",
)


class DatabasePair:
    """The pair. `primary` is the one that takes writes; the service's user may not write to the other.

    Started on entry, killed on exit. copies: what the server calls the copying in its statements.
    """

    copies = "REPLICA"

    def __init__(self, *options: str, program: Program | None = None) -> None:
        self.primary, self.replica = (
            MariaDBServer(*options, f"--server-id={number}", program=program) for number in (1, 2)
        )
        self._servers = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as servers:
            self.primary.prepare()
            self.primary.copy_data_to(self.replica)
            for server in self.servers:
                servers.enter_context(server)
            self._forget_history()
            self.follow(self.replica, self.primary)
            self.primary.create_database(DATABASE)
            self.primary.execute(f"CREATE USER {USER}@'%' IDENTIFIED BY '{PASSWORD}'")
            self.primary.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {DATABASE}.* TO {USER}@'%'")
            self.read_only(self.replica, on=True)
            wait_until(self.safe, _WAIT_MAX_S)
            self._servers = servers.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._servers.close()

    @property
    def servers(self) -> tuple[MariaDBServer, MariaDBServer]:
        """Both, the primary first."""
        return self.primary, self.replica

    def url(self, port: int) -> str:
        """The database's URL for the service, at `port`: a server's, or that of a proxy."""
        return f"mysql://{USER}:{PASSWORD}@127.0.0.1:{port}/{DATABASE}"

    def change_over(self) -> None:
        """Let the other one take writes, once it has all that was written."""
        old, new = self.primary, self.replica
        self.read_only(old, on=True)
        self.catch_up(new, old)
        # There is nothing more to copy: that it stops copying, which takes a second, is not waited for.
        self.read_only(new, on=False)
        self.primary, self.replica = new, old
        self.forget_source(new)
        self.follow(old, new)

    def promote(self) -> None:
        """Let the other one take writes, with what it has: the primary is dead."""
        self.forget_source(self.replica)
        self.read_only(self.replica, on=False)
        self.primary, self.replica = self.replica, self.primary

    def hold_back(self) -> None:
        """Let the replica apply nothing more; it goes on receiving, and acknowledges what it received."""
        self.replica.execute(f"STOP {self.copies} SQL_THREAD")

    def let_go(self) -> None:
        """Let the replica apply what it received, and wait until it has all of the primary's."""
        self.replica.execute(f"START {self.copies} SQL_THREAD")
        self.catch_up(self.replica, self.primary)

    def break_replica(self) -> None:
        """Take the products away from the replica alone."""
        self._alter_replica("RENAME TABLE products TO taken_away")

    def mend_replica(self) -> None:
        """Give them back."""
        self._alter_replica("RENAME TABLE taken_away TO products")

    def _alter_replica(self, statement: str) -> None:
        self.read_only(self.replica, on=False)
        with self.replica.opened(DATABASE) as connection, connection.cursor() as cursor:
            for one in ("SET sql_log_bin = 0", statement):
                cursor.execute(one)
        self.read_only(self.replica, on=True)

    def _forget_history(self) -> None:
        """Make what was written so far, by each to itself, none of the other's business."""
        for server in self.servers:
            server.execute("RESET MASTER" if "MariaDB" in server.program.version else "RESET BINARY LOGS AND GTIDS")

    @abstractmethod
    def safe(self) -> bool:
        """Return whether the replica copies, and a commit is acknowledged only once both have it."""

    @abstractmethod
    def read_only(self, server: MariaDBServer, *, on: bool) -> None:
        """Let a server refuse, or take, writes."""

    @abstractmethod
    def follow(self, replica: MariaDBServer, primary: MariaDBServer) -> None:
        """Let `replica` copy `primary`."""

    @abstractmethod
    def forget_source(self, replica: MariaDBServer) -> None:
        """Let a server, once it has applied what it was sent, copy nobody."""

    @abstractmethod
    def catch_up(self, replica: MariaDBServer, primary: MariaDBServer) -> None:
        """Wait until `replica` has all that was written to `primary`."""


class MariaDBPair(DatabasePair):
    """Two MariaDB servers."""

    copies = "SLAVE"

    def __init__(self) -> None:
        super().__init__(*_MARIADB)

    @override
    def safe(self) -> bool:
        (((_, status),), ((_, clients),)) = (
            self.primary.execute(f"SHOW STATUS LIKE 'Rpl_semi_sync_master_{name}'") for name in ("status", "clients")
        )
        return (status, clients) == ("ON", "1")

    @override
    def read_only(self, server: MariaDBServer, *, on: bool) -> None:
        server.execute(f"SET GLOBAL read_only = {int(on)}")

    @override
    def follow(self, replica: MariaDBServer, primary: MariaDBServer) -> None:
        # Where it stands is what it wrote itself, as a primary, and what it copied.
        ((written,),) = replica.execute("SELECT @@GLOBAL.gtid_current_pos")
        replica.execute(f"SET GLOBAL gtid_slave_pos = '{written}'")
        replica.execute(
            f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {primary.port}, MASTER_USER = 'root',"
            " MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1"
        )
        replica.execute("START SLAVE")

    @override
    def forget_source(self, replica: MariaDBServer) -> None:
        replica.execute("STOP SLAVE IO_THREAD")
        wait_until(
            lambda: "has read all relay log" in _row(replica, "SHOW SLAVE STATUS")["Slave_SQL_Running_State"],
            _WAIT_MAX_S,
        )
        replica.execute("STOP SLAVE")
        replica.execute("RESET SLAVE ALL")

    @override
    def catch_up(self, replica: MariaDBServer, primary: MariaDBServer) -> None:
        ((written,),) = primary.execute("SELECT @@GLOBAL.gtid_binlog_pos")
        ((timed_out,),) = replica.execute(f"SELECT MASTER_GTID_WAIT('{written}', {_WAIT_MAX_S})")
        if timed_out:
            raise ServerFailed(f"{replica!r} did not catch up")


class MySQLPair(DatabasePair):
    """Two MySQL servers, of the installation that FARMLOKAL_TEST_MYSQL_ROOT names."""

    def __init__(self) -> None:
        super().__init__(*_MYSQL, program=find_mysql_program())

    @override
    def safe(self) -> bool:
        (((_, status),), ((_, clients),)) = (
            self.primary.execute(f"SHOW STATUS LIKE 'Rpl_semi_sync_source_{name}'") for name in ("status", "clients")
        )
        return (status, clients) == ("ON", "1")

    @override
    def read_only(self, server: MariaDBServer, *, on: bool) -> None:
        server.execute(f"SET GLOBAL {'super_read_only' if on else 'read_only'} = {int(on)}")

    @override
    def follow(self, replica: MariaDBServer, primary: MariaDBServer) -> None:
        replica.execute(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {primary.port},"
            " SOURCE_USER = 'root', SOURCE_AUTO_POSITION = 1, SOURCE_CONNECT_RETRY = 1, GET_SOURCE_PUBLIC_KEY = 1"
        )
        replica.execute("START REPLICA")

    @override
    def forget_source(self, replica: MariaDBServer) -> None:
        replica.execute("STOP REPLICA IO_THREAD")
        received = _row(replica, "SHOW REPLICA STATUS")["Retrieved_Gtid_Set"]
        self._until_applied(replica, received)
        replica.execute("STOP REPLICA")
        replica.execute("RESET REPLICA ALL")

    @override
    def catch_up(self, replica: MariaDBServer, primary: MariaDBServer) -> None:
        ((written,),) = primary.execute("SELECT @@GLOBAL.gtid_executed")
        self._until_applied(replica, written)

    def _until_applied(self, replica: MariaDBServer, transactions: str) -> None:
        wanted = transactions.replace("\n", "")
        ((timed_out,),) = replica.execute(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{wanted}', {_WAIT_MAX_S})")
        if timed_out:
            raise ServerFailed(f"{replica!r} did not catch up")


def _row(server: MariaDBServer, statement: str) -> dict[str, Any]:
    """Return the one row that a statement selects, by the names of its columns."""
    with server.opened() as connection, connection.cursor(DictCursor) as cursor:
        cursor.execute(statement)
        (row,) = cursor.fetchall()
        return row
