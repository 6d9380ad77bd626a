"""Two MariaDB servers of which one takes writes and the other follows it, and the change of their roles."""

import asyncio
from contextlib import ExitStack

from tests.servers import MariaDBServer

DATABASE = "soak"
_USER, _PASSWORD = "farmer", "of-the-soak"
# All that a replica needs of its primary, whichever of the two that is.
_OPTIONS = ("--log-bin=log", "--log-slave-updates", "--binlog-format=ROW", "--sync-binlog=0")
_CATCH_UP_MAX_S = 30


class Primaries:
    """The pair. `primary` is the one that takes writes; the service's user may not write to the other."""

    def __init__(self, stack: ExitStack) -> None:
        self.primary, self._replica = (
            stack.enter_context(MariaDBServer(*_OPTIONS, f"--server-id={number}")) for number in (1, 2)
        )
        _follow(self._replica, self.primary)
        self.primary.create_database(DATABASE)
        self.primary.execute(f"CREATE USER {_USER}@'%' IDENTIFIED BY '{_PASSWORD}'")
        self.primary.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {DATABASE}.* TO {_USER}@'%'")
        self._replica.execute("SET GLOBAL read_only = 1")

    def url(self, port: int) -> str:
        """The database's URL for the service, at a proxy's port."""
        return f"mysql://{_USER}:{_PASSWORD}@127.0.0.1:{port}/{DATABASE}"

    async def change_over(self) -> int:
        """Let the other one take writes, once it has all that was written. Returns its port."""
        await asyncio.to_thread(self._change_over)
        return self.primary.port

    def _change_over(self) -> None:
        old, new = self.primary, self._replica
        old.execute("SET GLOBAL read_only = 1")
        ((written,),) = old.execute("SELECT @@GLOBAL.gtid_binlog_pos")
        ((timed_out,),) = new.execute(f"SELECT MASTER_GTID_WAIT('{written}', {_CATCH_UP_MAX_S})")
        assert not timed_out, "the replica did not catch up"
        new.execute("STOP SLAVE")
        new.execute("RESET SLAVE ALL")
        new.execute("SET GLOBAL read_only = 0")
        old.execute(f"SET GLOBAL gtid_slave_pos = '{written}'")
        _follow(old, new)
        self.primary, self._replica = new, old


def _follow(replica: MariaDBServer, primary: MariaDBServer) -> None:
    replica.execute(
        f"CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {primary.port}, MASTER_USER = 'root',"
        " MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1"
    )
    replica.execute("START SLAVE")
