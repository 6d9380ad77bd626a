"""A database server that takes writes and one that follows it, which a test may hold back."""

from contextlib import ExitStack
from typing import Self

from typing_extensions import override

from tests.servers.mariadb_server import MariaDBServer
from tests.servers.programs import find_mysql_program

_CATCH_UP_MAX_S = 30
# Small, for a pair starts for a few tests.
_SMALL = ("--innodb-buffer-pool-size=32M", "--sync-binlog=0", "--log-bin=log", "--binlog-format=ROW")


class ReplicatedPair:
    """A MariaDB `primary` and its `replica`, on which nobody writes. Started on entry, killed on exit."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.primary, self.replica = self._make()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.primary!r} {self.replica!r}>"

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for server in (self.primary, self.replica):
                stack.enter_context(server)
            self.follow()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()

    def follow(self) -> None:
        """Let the replica follow the primary."""
        self.replica.execute(
            f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {self.primary.port}, MASTER_USER = 'root',"
            " MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1"
        )
        self.replica.execute("START SLAVE")
        self.replica.execute("SET GLOBAL read_only = 1")

    def hold_back(self) -> None:
        """Let the replica apply nothing more; it goes on receiving."""
        self.replica.execute("STOP SLAVE SQL_THREAD")

    def let_go(self) -> None:
        """Let the replica apply what it received, and wait until it has all of the primary's."""
        self.replica.execute("START SLAVE SQL_THREAD")
        ((written,),) = self.primary.execute("SELECT @@GLOBAL.gtid_binlog_pos")
        ((timed_out,),) = self.replica.execute(f"SELECT MASTER_GTID_WAIT('{written}', {_CATCH_UP_MAX_S})")
        assert not timed_out, "the replica did not catch up"

    def break_replica(self) -> None:
        """Take the products away from the replica alone."""
        self._alter_replica("RENAME TABLE products TO taken_away")

    def mend_replica(self) -> None:
        """Give them back."""
        self._alter_replica("RENAME TABLE taken_away TO products")

    def _alter_replica(self, statement: str) -> None:
        with self.replica.opened("farm") as connection, connection.cursor() as cursor:
            for one in ("SET GLOBAL read_only = 0", "SET sql_log_bin = 0", statement, "SET GLOBAL read_only = 1"):
                cursor.execute(one)

    def _make(self) -> tuple[MariaDBServer, MariaDBServer]:
        options = (*_SMALL, "--log-slave-updates", "--innodb-log-file-size=8M")
        return MariaDBServer(*options, "--server-id=1"), MariaDBServer(*options, "--server-id=2")


class MySQLReplicatedPair(ReplicatedPair):
    """The same of MySQL, from the installation that FARMLOKAL_TEST_MYSQL_ROOT names."""

    @override
    def follow(self) -> None:
        for server in (self.primary, self.replica):
            server.execute("RESET BINARY LOGS AND GTIDS")
        self.primary.execute("CREATE USER replica@'%' IDENTIFIED BY 'replica'")
        self.primary.execute("GRANT REPLICATION SLAVE ON *.* TO replica@'%'")
        self.replica.execute(
            f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = {self.primary.port},"
            " SOURCE_USER = 'replica', SOURCE_PASSWORD = 'replica', SOURCE_AUTO_POSITION = 1,"
            " GET_SOURCE_PUBLIC_KEY = 1, SOURCE_CONNECT_RETRY = 1"
        )
        self.replica.execute("START REPLICA")
        self.replica.execute("SET GLOBAL super_read_only = 1")

    @override
    def hold_back(self) -> None:
        self.replica.execute("STOP REPLICA SQL_THREAD")

    @override
    def let_go(self) -> None:
        self.replica.execute("START REPLICA SQL_THREAD")
        ((written,),) = self.primary.execute("SELECT @@GLOBAL.gtid_executed")
        ((timed_out,),) = self.replica.execute(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{written}', {_CATCH_UP_MAX_S})")
        assert not timed_out, "the replica did not catch up"

    @override
    def _make(self) -> tuple[MariaDBServer, MariaDBServer]:
        options = (*_SMALL, "--gtid-mode=ON", "--enforce-gtid-consistency=ON")
        return (
            MariaDBServer(*options, "--server-id=1", program=find_mysql_program()),
            MariaDBServer(*options, "--server-id=2", program=find_mysql_program()),
        )
