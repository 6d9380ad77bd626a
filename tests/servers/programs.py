"""Which server programs this machine has. Runs before anything is installed: standard library only."""

import os
import shutil
import subprocess
from typing import NamedTuple

# Distributions put servers where an ordinary user's PATH does not look.
SERVER_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/usr/libexec")

# (file, the name to run it under). Debian's redis-tools holds the whole server: it is one program with the checkers
# and goes by the name it is called. That package, unlike redis-server, brings no system service.
REDIS_NAMES = (
    ("redis-server", "redis-server"),
    ("valkey-server", "valkey-server"),
    ("redis-check-rdb", "redis-server"),
    ("valkey-check-rdb", "valkey-server"),
)


class Program(NamedTuple):
    """A server program: the file to execute, the name to give it, and the line it prints as its version."""

    path: str
    name: str
    version: str


def find_database_program() -> Program | None:
    """Return the MariaDB server program, else a MySQL one, else None."""
    for name in ("mariadbd", "mysqld"):
        program = _program(name, name, "--no-defaults", "--version")
        if program is not None:
            return program
    return None


def find_redis_program() -> Program | None:
    """Return the Redis (or Valkey) server program, else None."""
    for file, name in REDIS_NAMES:
        program = _program(file, name, "--version")
        if program is not None and " server v=" in program.version:
            return program
    return None


def _program(file: str, name: str, *version_options: str) -> Program | None:
    """Return the program if it is there and can run: a file whose libraries are missing is no server."""
    path = shutil.which(file, path=os.pathsep.join((os.environ.get("PATH", ""), *SERVER_FOLDERS)))
    if path is None:
        return None
    shown = subprocess.run((name, *version_options), executable=path, capture_output=True, text=True, check=False)
    return Program(path, name, shown.stdout.strip()) if shown.returncode == 0 else None
