#!/usr/bin/env bash
# DELETE … WHERE id IN (…) waits for a row that is not in the list, where the list is long for the table.
#
# Expected:  a DELETE by a list of primary keys locks the rows of the list. Under READ COMMITTED, where nothing locks a gap,
#            a row that another transaction has inserted and not committed is none of its business.
# Observed:  with a list of 2 it is so. With 20 ids of 21 rows (MariaDB: with 3 of 4) both servers find the list dearer than
#            the whole table, read that, and wait for the other transaction at its row, until the lock wait ends in an
#            error. One DELETE for each of the same ids waits for nothing.
# Versions:  MySQL 9.7.4 (Debian unstable), MariaDB 10.11.18 (Debian 12), PyMySQL 1.2.4 (PyPI)
# For us:    whoever numbers changes takes rows out of the outbox one by one, since a list would wait for each long
#            transaction (farmlokal/catalog/changes/sequencer.py; tests/catalog/changes/test_following.py fails with a list).
# Source:    MySQL's manual, "Locks Set by Different SQL Statements in InnoDB": a DELETE locks the rows that it scans. That it
#            scans the table in spite of the keys, nothing says but EXPLAIN.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/servers/mariadb.bash"
. "$here/servers/mysql.bash"
folder=$(mktemp -d)
trap 'mariadb_stop; mysql_stop; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'PyMySQL==1.2.4'
mariadb_start "$folder"
mysql_start "$folder"

"$folder/venv/bin/python" - "$folder/mariadb.sock" "$folder/mysql.sock" <<'PYTHON'
import sys

import pymysql

LOCK_WAIT_TIMEOUT = 1205


def waits(cursor, statements):
    """Whether a transaction of these statements runs into the lock of another one; it is rolled back."""
    cursor.execute("BEGIN")
    try:
        for statement in statements:
            cursor.execute(statement)
    except pymysql.err.OperationalError as error:
        assert error.args[0] == LOCK_WAIT_TIMEOUT, error
        return True
    finally:
        cursor.execute("ROLLBACK")
    return False


for server, socket in (("MariaDB", sys.argv[1]), ("MySQL", sys.argv[2])):
    ours, other = (pymysql.connect(unix_socket=socket, user="root", autocommit=True).cursor() for _ in range(2))
    ours.execute("CREATE DATABASE shop")
    for cursor in (ours, other):
        cursor.execute("USE shop")
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    ours.execute("SET SESSION innodb_lock_wait_timeout = 1")
    found = {}
    for rows in (2, 3, 20):
        ours.execute("DROP TABLE IF EXISTS outbox")
        ours.execute("CREATE TABLE outbox (id BIGINT AUTO_INCREMENT PRIMARY KEY, word VARCHAR(100)) ENGINE=InnoDB")
        other.execute("BEGIN")
        for number in range(rows + 1):
            (other if number == rows // 2 else ours).execute("INSERT INTO outbox (word) VALUES ('okra')")
        ours.execute("SELECT id FROM outbox ORDER BY id")
        ids = [str(id) for (id,) in ours.fetchall()]
        assert len(ids) == rows
        by_list = waits(ours, [f"DELETE FROM outbox WHERE id IN ({', '.join(ids)})"])
        one_by_one = waits(ours, [f"DELETE FROM outbox WHERE id = {id}" for id in ids])
        found[rows] = (by_list, one_by_one)
        other.execute("ROLLBACK")
    assert found == {2: (False, False), 3: (server == "MariaDB", False), 20: (True, False)}, (server, found)
    ours.execute("SELECT VERSION()")
    version = ours.fetchone()[0].partition("-")[0]
    print(f"as observed: {server} {version} waits for a row outside a list of 20 ids, and not for one outside a list of 2")
PYTHON
