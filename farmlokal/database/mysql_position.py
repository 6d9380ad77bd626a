"""How far a MySQL or MariaDB server has come, as it says it itself, and whether a replica has come as far.

MySQL has the set of all transactions. MariaDB's replicas apply each domain in its order, so that the last number of
each tells all; a Galera cluster orders everything that its nodes commit, and has one number.
"""

import re
from collections.abc import Sequence

import aiomysql

from farmlokal.database.interface import TextRow
from farmlokal.database.mysql_connection import Connection
from farmlokal.database.mysql_opening import ConnectionOpener
from farmlokal.database.mysql_role import is_on
from farmlokal.resilience.commit_positions import Position

# After COMMIT at the writer. What is binlogged may be ahead of what is visible, which is the safe side here.
_MYSQL_POSITION = "SELECT CAST(@@GLOBAL.read_only AS CHAR), @@server_uuid, @@GLOBAL.gtid_executed"
_MARIADB_POSITION = (
    "SELECT CAST(@@GLOBAL.read_only AS CHAR), CAST(@@server_id AS CHAR), @@GLOBAL.gtid_binlog_pos,"
    " WSREP_LAST_SEEN_GTID()"
)
# At a replica: what its readers see. Its binlog position would be ahead of that.
_MYSQL_HAS = "SELECT CAST(GTID_SUBSET(%s, @@GLOBAL.gtid_executed) AS CHAR)"
_MARIADB_HAS = "SELECT @@GLOBAL.gtid_slave_pos, WSREP_LAST_SEEN_GTID()"
_ANSWER_MAX_S = 1.0

# What a position begins with: the three cannot be compared with one another.
_MYSQL, _MARIADB, _GALERA = "mysql", "mariadb", "galera"
_INTERVAL = re.compile(r"(\d+)(?:-(\d+))?")


async def position_of(connection: Connection) -> Position | None:
    """The position of the server at `connection`, which is to be a writer.

    None where it does not say it: it writes no binary log, or without GTIDs; it is read-only; it does not answer.
    """
    try:
        statement = _MARIADB_POSITION if connection.is_mariadb else _MYSQL_POSITION
        (row,) = await connection.fetch_texts(statement, (), _ANSWER_MAX_S)
    except (aiomysql.Error, OSError):  # a TimeoutError too
        connection.close()
        return None
    read_only, server, *positions = _texts(row)
    if is_on(read_only):
        return None
    return _of_mariadb(server, *positions) if connection.is_mariadb else _of_mysql(server, *positions)


async def position_by_name(opener: ConnectionOpener) -> Position | None:
    """The position of the server to which a new connection leads. Raises DatabaseUnavailable.

    Connections of a pool may lead to the writer before, which lacks what the present one has committed.
    """
    connection = await opener.open()
    try:
        return await position_of(connection)
    finally:
        await connection.say_goodbye()


def question_of(connection: Connection, needed: tuple[str, ...]) -> str:
    """The SELECT that asks the server at `connection` whether it has what is `needed`; `has_positions` reads it."""
    if connection.is_mariadb:
        return _MARIADB_HAS
    kinds = (one.partition(" ") for one in needed)
    return _MYSQL_HAS % connection.escape(",".join(text for kind, _, text in kinds if kind == _MYSQL))


def has_positions(connection: Connection, needed: tuple[str, ...], rows: Sequence[TextRow]) -> bool:
    """Whether the server at `connection` has all that is `needed`, by its answer to the question."""
    kinds = {one.partition(" ")[0] for one in needed}
    (row,) = rows
    if not connection.is_mariadb:
        return kinds == {_MYSQL} and row[0] == b"1"
    applied, of_group = _texts(row)
    reached = {_MARIADB: _numbers(applied), _GALERA: _numbers(of_group)}
    return all(kind in reached for kind in kinds) and all(
        reached[kind].get(domain, -1) >= number
        for kind, _, text in (one.partition(" ") for one in needed)
        for domain, number in _numbers(text).items()
    )


def _of_mysql(server: str, executed: str) -> Position | None:
    executed = "".join(executed.split())
    return Position(server, _transactions(executed), f"{_MYSQL} {executed}") if executed else None


def _of_mariadb(server: str, logged: str, of_group: str) -> Position | None:
    if sum(_numbers(of_group).values()):
        # All nodes count alike, whichever took the commit.
        timeline, _, number = of_group.rpartition("-")
        return Position(f"{_GALERA} {timeline}", int(number), f"{_GALERA} {of_group}")
    numbers = _numbers(logged)
    return Position(server, sum(numbers.values()), f"{_MARIADB} {logged}") if numbers else None


def _numbers(position: str) -> dict[str, int]:
    """`0-1-17,5-2-3` → {"0": 17, "5": 3}: the last number of each domain."""
    parts = [one.strip().split("-") for one in position.split(",") if one.strip()]
    return {domain: int(number) for domain, _, number in parts}


def _transactions(executed: str) -> int:
    """How many transactions are in a set such as `uuid:1-7:9,uuid:tag:1-3`."""
    count = 0
    for of_source in executed.split(","):
        for part in of_source.split(":")[1:]:
            interval = _INTERVAL.fullmatch(part)
            if interval is not None:
                count += int(interval[2] or interval[1]) - int(interval[1]) + 1
    return count


def _texts(row: TextRow) -> list[str]:
    return [(value or b"").decode() for value in row]
