"""`python -m tests.files_entered [--list] [--mariadb]`: how many files each flow enters, as a table in Markdown."""

import argparse
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop

from tests.files_entered.flows import files_entered
from tests.files_entered.table import lists_of, table_of
from tests.servers import MariaDBServer, RedisServer
from tests.service import sqlite_url

_DATABASE = "farmlokal_files_entered"


def counted(*, mariadb: bool = False) -> dict[str, set[str]]:
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


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.files_entered", description=main.__doc__)
    parser.add_argument("--list", action="store_true", help="name the files of each flow, too")
    parser.add_argument("--mariadb", action="store_true", help="with MariaDB in place of SQLite")
    arguments = parser.parse_args()
    entered = counted(mariadb=arguments.mariadb)
    sys.stdout.write(f"{table_of(entered)}\n")
    if arguments.list:
        sys.stdout.write(f"{lists_of(entered)}\n")


if __name__ == "__main__":
    main()
