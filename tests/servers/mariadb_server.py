"""A private MariaDB server, or MySQL where a machine has that instead."""

import os
import shutil
import subprocess
from pathlib import Path

import pymysql

from tests.servers.access import DatabaseAccess
from tests.servers.certificates import make_certificates
from tests.servers.process import ServerFailed, ServerProcess
from tests.servers.programs import Program, find_database_program

# The scripts that make a data directory's system tables, after a prefix that differs by release.
SYSTEM_TABLES = ("_system_tables.sql", "_system_tables_data.sql", "_performance_tables.sql")

# Fast rather than durable against a power cut. At 2, a commit is with the operating system when it is acknowledged:
# a killed server has it, so that tests may kill one and count.
FAST = (
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-buffer-pool-size=512M",
    "--skip-log-bin",
    "--max-connections=400",
)

# MariaDB makes a root for 127.0.0.1; MySQL's root is of localhost, a name that it must look up to compare. And MySQL
# does not start without a folder that its package for the system service would have made, unless told to have none.
MARIADB_ONLY = (
    "--skip-name-resolve",
    "--innodb-log-file-size=128M",
    # Nearly every test makes our tables and drops them: no waits for the disk, and no file for each of them, is half
    # of the time that this takes.
    "--innodb-flush-method=nosync",
    "--sync-frm=0",
    "--innodb-file-per-table=0",
    "--skip-innodb-doublewrite",
)
MYSQL_ONLY = ("--mysqlx=OFF", "--secure-file-priv=NULL")


class MariaDBServer(ServerProcess, DatabaseAccess):
    """A MariaDB server of the tests' own: user `root` without a password, fresh data in a temporary folder.

    `options` are further options of the server program. With `tls`, it has a certificate for 127.0.0.1 and localhost
    signed by the authority in `ca_path`, and `base_url` asks for it. program: by default whichever is found.
    """

    def __init__(self, *options: str, tls: bool = False, program: Program | None = None) -> None:
        program = program or find_database_program()
        if program is None:
            raise ServerFailed("no MariaDB server program: `make test` finds or installs one")
        super().__init__(program)
        self.options = options
        self.certificates = make_certificates(self.folder) if tls else None
        self.data_path = self.folder / "data"

    @property
    def ca_path(self) -> Path | None:
        """The certificate authority's file, for clients that verify; None without TLS."""
        return self.certificates.ca_path if self.certificates else None

    @property
    def base_url(self) -> str:
        """`mysql://root@127.0.0.1:PORT/`, with `ssl_ca` when the server has TLS."""
        return f"mysql://root@127.0.0.1:{self.port}/" + (f"?ssl_ca={self.ca_path}" if self.ca_path else "")

    def command(self) -> list[str]:
        """Return the options of a fast server on this port."""
        listening = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self.socket_path}"]
        files = [f"--pid-file={self.folder / 'pid'}"]
        tls = [f"--ssl-{kind}={path}" for kind, path in self.certificates.files()] if self.certificates else []
        return [*self._common(), *listening, *files, *tls, *self.options]

    def answers(self) -> bool:
        """Return whether root can log in through the Unix socket."""
        # Looked at first, because a connection that pymysql cannot open is one that it does not close.
        if not self.accepts():
            return False
        try:
            pymysql.connect(unix_socket=str(self.socket_path), user="root", connect_timeout=5).close()
        except pymysql.OperationalError:
            return False
        return True

    def prepare(self) -> None:
        """Make the data directory, a fifth of a second for MariaDB, seconds for MySQL; none where there is one."""
        if self.data_path.exists():
            return
        self.data_path.mkdir()
        if self._is_mariadb:
            (self.data_path / "mysql").mkdir()
            self._initialise("--bootstrap", "--log-warnings=0", statements=self._system_tables())
        else:
            self._initialise("--initialize-insecure", statements="")

    def copy_data_to(self, other: "MariaDBServer") -> None:
        """Give another server, which has no data yet, those of this one, which does not run."""
        shutil.copytree(self.data_path, other.data_path)
        (other.data_path / "auto.cnf").unlink(missing_ok=True)  # of MySQL: who it is

    @property
    def _is_mariadb(self) -> bool:
        return "MariaDB" in self.program.version

    def _common(self) -> list[str]:
        # A server started by root insists on being told that it should stay root.
        user = ["--user=root"] if os.geteuid() == 0 else []
        flavour = MARIADB_ONLY if self._is_mariadb else MYSQL_ONLY
        # The temporary folder is its own, too: each server empties the one that it is given when it starts.
        folders = [f"--datadir={self.data_path}", f"--tmpdir={self.folder}", *self.program.options]
        return ["--no-defaults", *folders, *user, *FAST, *flavour]

    def _initialise(self, *options: str, statements: str) -> None:
        done = self._run(*self._common(), *options, statements=statements)
        if done.returncode:
            raise ServerFailed(f"{self.program.path} made no data directory:\n{done.stderr}")

    def _system_tables(self) -> str:
        """Return what makes MariaDB's system tables, with a root that needs no password.

        The distribution's mariadb-install-db feeds the same scripts in the same way, but needs a client package.
        """
        share = self._share_path()
        scripts = [path.read_text("utf-8") for end in SYSTEM_TABLES for path in share.glob(f"*{end}")]
        if len(scripts) != len(SYSTEM_TABLES):
            raise ServerFailed(f"not one of each {SYSTEM_TABLES} in {share}")
        settings = ["CREATE DATABASE IF NOT EXISTS mysql;", "USE mysql;", "SET @auth_root_socket = NULL;"]
        return "\n".join([*settings, "SET @skip_auth_anonymous = 1;", *scripts])

    def _share_path(self) -> Path:
        """Return the folder of MariaDB's scripts, which the program knows: its character sets are in there."""
        for line in self._run("--no-defaults", "--verbose", "--help").stdout.splitlines():
            if line.startswith("character-sets-dir"):
                return Path(line.split(maxsplit=1)[1]).parent
        raise ServerFailed(f"{self.program.path} does not say where its scripts are")

    def _run(self, *options: str, statements: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program.name, *self.program.before, *options],
            executable=self.program.path,
            cwd=self.folder,
            input=statements,
            capture_output=True,
            text=True,
            check=False,
        )
