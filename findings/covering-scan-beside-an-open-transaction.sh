#!/usr/bin/env bash
# A SELECT that its index covers reads the row of each entry while another client's transaction, on another table, is open.
#
# Expected:  "Using index" in EXPLAIN: the SELECT is answered from the index alone. A transaction that somebody left open
#            makes the server keep old versions of rows, but does no harm to who reads a table that it has not touched.
# Observed:  while a transaction is open that has written one row, to a table of another database even, each index entry
#            whose page was written after that transaction's first write costs a descent to its row, by the primary
#            key, in every reader: a hundred times the pages here. EXPLAIN says "Using index" all the while, and the
#            Handler counters of the session count the same entries. It ends with the COMMIT or ROLLBACK. A
#            transaction as old that only reads does no such harm. (A secondary index says of a page only
#            which transaction wrote it last; only below the oldest one that is open is every entry known to be seen.)
# Versions:  MariaDB 10.11.18 (Debian 12), PyMySQL 1.2.4 (PyPI); seen on MySQL 9.7.4 (Debian unstable) also
# For us:    pages stay right, and are dearer; docs/operations.md tells under FarmLokalSlow how such a transaction is found
#            (tests/catalog/test_prepared_pages.py). The service's own transactions are one batch each.
# Source:    MySQL's Reference Manual, "InnoDB Multi-Versioning", "Multi-Versioning and Secondary Indexes", which speaks
#            of pages "updated by a newer transaction", and not of who is open elsewhere.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/servers/mariadb.bash"
folder=$(mktemp -d)
trap 'mariadb_stop; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'PyMySQL==1.2.4'
mariadb_start "$folder"

"$folder/venv/bin/python" - "$folder/mariadb.sock" <<'PYTHON'
import sys

import pymysql

ROWS = [(number, number % 997, number % 12 == 1, "x" * 150) for number in range(1, 5_001)]
PAGE = "SELECT id FROM shop.stalls FORCE INDEX (by_price) WHERE live = 1 AND organic = 1 AND price >= 0 ORDER BY price, id LIMIT 21"


def connect():
    return pymysql.connect(unix_socket=sys.argv[1], user="root").cursor()


def counted(cursor, statement):
    cursor.execute(statement)
    return sum(int(value) for _, value in cursor.fetchall())


def cost(cursor):
    """The pages that the server looks at for one page of stalls, and the entries that the session's handler counts."""
    counters = ("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_read_requests'", "SHOW STATUS LIKE 'Handler_read_next'")
    looks = []
    for _ in range(10):
        before = [counted(cursor, counter) for counter in counters]
        cursor.execute(PAGE)
        assert 21 == len(cursor.fetchall())
        looks.append([counted(cursor, counter) - was for counter, was in zip(counters, before)])
        cursor.connection.rollback()  # what it reads next, it reads anew
    return [min(column) for column in zip(*looks)]


reader = connect()
reader.execute("CREATE DATABASE shop")
reader.execute("CREATE DATABASE elsewhere")
reader.execute("CREATE TABLE elsewhere.notes (id INT PRIMARY KEY)")
reader.execute(
    "CREATE TABLE shop.stalls (id INT PRIMARY KEY, live TINYINT DEFAULT 1, price INT, organic TINYINT, name VARCHAR(200),"
    " INDEX by_price (live, price, id, organic))"
)
reader.executemany("INSERT INTO shop.stalls (id, price, organic, name) VALUES (%s, %s, %s, %s)", ROWS)
reader.connection.commit()
found = {}
for other, statement in {
    "nobody": None,
    "one that reads": "SELECT * FROM elsewhere.notes",
    "one that has written": "INSERT INTO elsewhere.notes VALUES (1)",
}.items():
    left_open = connect()
    if statement:
        left_open.execute(statement)
    reader.execute("UPDATE shop.stalls SET price = price + 1")
    reader.connection.commit()
    reader.execute(f"EXPLAIN {PAGE}")
    assert "Using index" in reader.fetchone()[-1]
    beside = cost(reader)
    left_open.connection.rollback()
    found[other] = beside, cost(reader)
    print("beside {}: {} pages, {} entries; when it has ended: {}, {}".format(other, *beside, *found[other][1]))

(alone, entries), _ = found["nobody"]
for beside, ended in found.values():
    assert entries == beside[1] == ended[1] and ended[0] < 2 * alone, found
assert found["one that reads"][0][0] < 2 * alone, found
assert found["one that has written"][0][0] > entries, found
print("as observed: a covering scan looks into every row while a transaction on another table is open")
PYTHON
