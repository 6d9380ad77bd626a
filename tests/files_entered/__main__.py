"""`python -m tests.files_entered [--list] [--json] [--mariadb]`: how many files each flow enters, as a table."""

import argparse
import sys

import orjson

from tests.files_entered.counting import counted
from tests.files_entered.table import lists_of, table_of


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.files_entered", description=main.__doc__)
    parser.add_argument(
        "--list", action="store_true", help="name the files of each flow, in the order they are entered"
    )
    parser.add_argument("--json", action="store_true", help="only that, as JSON")
    parser.add_argument("--mariadb", action="store_true", help="with MariaDB in place of SQLite")
    arguments = parser.parse_args()
    entered = counted(mariadb=arguments.mariadb)
    if arguments.json:
        sys.stdout.write(orjson.dumps(entered).decode())
        return
    sys.stdout.write(f"{table_of(entered)}\n")
    if arguments.list:
        sys.stdout.write(f"{lists_of(entered)}\n")


if __name__ == "__main__":
    main()
