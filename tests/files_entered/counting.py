"""The whole count, with servers of its own."""

import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import orjson
import uvloop

from tests.files_entered.flows import files_entered
from tests.servers import MariaDBServer, RedisServer
from tests.support.service import sqlite_url

_DATABASE = "farmlokal_files_entered"
_ROOT = Path(__file__).parents[2]


def counted_apart() -> dict[str, list[str]]:
    """`counted` in a process of its own: what this one remembers of names and statements would leave files out."""
    program = [sys.executable, "-m", "tests.files_entered", "--json"]
    done = subprocess.run(program, cwd=_ROOT, stdout=subprocess.PIPE, check=True)
    entered: dict[str, list[str]] = orjson.loads(done.stdout)
    return entered


def counted(*, mariadb: bool = False) -> dict[str, list[str]]:
    """The files of each flow, with a Redis server and, if `mariadb`, a MariaDB server of their own; else SQLite."""
    with ExitStack() as servers:
        redis = servers.enter_context(RedisServer())
        if mariadb:
            server = servers.enter_context(MariaDBServer())
            server.create_database(_DATABASE)
            url = server.url(_DATABASE)
        else:
            url = sqlite_url(Path(servers.enter_context(tempfile.TemporaryDirectory())))
        return uvloop.run(files_entered(url, redis.url()))
