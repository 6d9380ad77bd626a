#!/usr/bin/env bash
# The keyset condition (a, id) > (x, y): SQLite seeks with it, MariaDB reads all that came before, and EXPLAIN hides it.
#
# Expected:  (price, id) > (x, y) is standard SQL for "the rows after this one", what PostgreSQL wants for a seek, and
#            equal to price > x OR (price = x AND id > y). With an index on (price, id), page 1,000 costs what page 1
#            does.
# Observed:  MariaDB takes no range from the comparison of rows. It walks the index from its beginning and throws away
#            what is not after the position: for 20 rows from position 10,005 on it reads 10,024 entries, as OFFSET
#            would. EXPLAIN says "rows: 20" all the same, since it reckons with the LIMIT; only type "index" instead of
#            "range" tells, and FORCE INDEX changes nothing. Written out, the same condition reads 19 entries. SQLite
#            seeks with both, so that a test on SQLite shows nothing of it.
# Versions:  MariaDB 10.11.18 (Debian 12), SQLite 3.54.1 (apsw 3.54.1.0), PyMySQL 1.2.4 (PyPI)
# For us:    this is the service's main query, and its condition is written out on every backend (docs/catalogue.md,
#            "Surprises"; tests/catalog/test_bounded_cost.py counts what is read).
# Source:    MySQL's manual says that only equality of rows becomes a range ("Row Constructor Expression Optimization");
#            SemanticMediaWiki pull request 6794 met it in MariaDB, camunda issue 56138 the opposite in PostgreSQL.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/servers/mariadb.bash"
folder=$(mktemp -d)
trap 'mariadb_stop; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'PyMySQL==1.2.4' 'apsw==3.54.1.0'
mariadb_start "$folder"

"$folder/venv/bin/python" - "$folder/mariadb.sock" <<'PYTHON'
import sys

import apsw
import pymysql

ROWS = [(number, number // 10) for number in range(1, 20_001)]
AS_ROW = "(price, id) > (1000, 10005)"
WRITTEN_OUT = "(price > 1000 OR (price = 1000 AND id > 10005))"
PAGE = "SELECT id FROM products {hint} WHERE {condition} ORDER BY price, id LIMIT 20"
INDEX = "CREATE INDEX products_by_price ON products (price, id)"

connection = pymysql.connect(unix_socket=sys.argv[1], user="root", autocommit=True)
cursor = connection.cursor()
cursor.execute("CREATE DATABASE shop")
cursor.execute("USE shop")
cursor.execute("CREATE TABLE products (id INT PRIMARY KEY, price INT NOT NULL, name VARCHAR(40)) ENGINE=InnoDB")
cursor.executemany("INSERT INTO products (id, price) VALUES (%s, %s)", ROWS)
cursor.execute(INDEX)


def entries_read(condition, hint=""):
    """The ids of the page, and how many index entries MariaDB read for it."""
    cursor.execute("FLUSH STATUS")
    cursor.execute(PAGE.format(condition=condition, hint=hint))
    ids = [id for (id,) in cursor.fetchall()]
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read_next'")
    return ids, int(cursor.fetchone()[1])


def explained(condition):
    """`type` and `rows` of EXPLAIN."""
    cursor.execute("EXPLAIN " + PAGE.format(condition=condition, hint=""))
    columns = [column[0] for column in cursor.description]
    plan = dict(zip(columns, cursor.fetchone(), strict=True))
    return plan["type"], int(plan["rows"])


page = list(range(10_006, 10_026))
assert entries_read(AS_ROW) == (page, 10_024), entries_read(AS_ROW)
assert entries_read(AS_ROW, "FORCE INDEX (products_by_price)") == (page, 10_024)
ids, few = entries_read(WRITTEN_OUT)
assert ids == page and few <= 25, (ids, few)
assert explained(AS_ROW) == ("index", 20), explained(AS_ROW)
assert explained(WRITTEN_OUT)[0] == "range", explained(WRITTEN_OUT)

database = apsw.Connection(":memory:")
database.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, price INT NOT NULL, name TEXT)")
database.executemany("INSERT INTO products (id, price) VALUES (?, ?)", ROWS)
database.execute(INDEX)
for condition in (AS_ROW, WRITTEN_OUT):
    steps = []
    query = PAGE.format(condition=condition, hint="")
    database.trace_v2(
        apsw.SQLITE_TRACE_PROFILE, lambda seen: steps.append(seen["stmt_status"]["SQLITE_STMTSTATUS_VM_STEP"])
    )
    ids = [id for (id,) in database.execute(query)]
    database.trace_v2(0, None)
    assert ids == page, ids
    assert steps[0] < 1000, (condition, steps)
cursor.execute("SELECT VERSION()")
version = cursor.fetchone()[0]
print(f"as observed: MariaDB {version} reads 10024 entries, EXPLAIN says 20 rows; {few} written out; SQLite seeks")
PYTHON
