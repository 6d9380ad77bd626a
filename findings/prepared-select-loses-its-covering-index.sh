#!/usr/bin/env bash
# A prepared SELECT reads rows that its index covers, in MariaDB, where others run it too and a column is generated.
#
# Expected:  a SELECT whose index holds every column that it names is answered from the index alone, prepared or not,
#            whoever else runs it.
# Observed:  so it is, until several connections run it at once, prepared, and it has a derived table. From then on every
#            prepared run reads the row of each entry, on every connection, though EXPLAIN of the text says "Using
#            index". As text it does not, and one such run puts it right until connections meet again. With an ordinary
#            column in the place of the generated one it was never seen, so that the column that the generated one is
#            made of, which the index has not, seems to count as read.
# Versions:  MariaDB 10.11.18 (Debian 12), PyMySQL 1.2.4 (PyPI)
# For us:    what follows from another column of a product has a DEFAULT of it and a CHECK, which do no such harm, and is
#            not generated (schema.sql; tests/catalog/test_prepared_pages.py). Where a table has a generated column a
#            MariaDB's pages are not prepared (farmlokal/database/mysql_connection.py).
# Source:    MariaDB's documentation, "Generated (Virtual and Persistent/Stored) Columns" and "PREPARE Statement", which
#            do not tell of it.
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
from threading import Thread

import pymysql

ROWS = [(number, number % 997, number % 12 == 1, "x" * 150) for number in range(1, 20_001)]
PAGE = (
    "SELECT id, name, found FROM {table} JOIN (SELECT id AS page_id, price AS found FROM {table} FORCE INDEX (by_price)"
    " WHERE live = 1 AND in_stock = 1 AND price >= 100 ORDER BY price, id LIMIT 21) AS page ON id = page_id"
    " ORDER BY found, page_id"
)
MADE_OF = {"ordinary": "TINYINT NOT NULL DEFAULT (stock > 0), CHECK (in_stock = (stock > 0))", "generated": "TINYINT GENERATED ALWAYS AS (stock > 0) STORED"}


def connect():
    return pymysql.connect(unix_socket=sys.argv[1], user="root", database="shop", autocommit=True).cursor()


def pages_read(cursor, statement):
    """How many pages of tables and indexes the server looks at for a statement."""
    def looked():
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_read_requests'")
        return int(cursor.fetchone()[1])

    before = looked()
    cursor.execute(statement)
    cursor.fetchall()
    return looked() - before


def run(cursor, statement):
    for _ in range(100):
        cursor.execute(statement)
        cursor.fetchall()


def most_after_meeting(cursors, statement):
    """What one run reads at most after all connections have run it at the same time, of twenty times."""
    most = 0
    for _ in range(20):
        threads = [Thread(target=run, args=(cursor, statement)) for cursor in cursors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        most = max(most, pages_read(cursors[0], statement))
    return most


root = pymysql.connect(unix_socket=sys.argv[1], user="root", autocommit=True).cursor()
root.execute("CREATE DATABASE shop")
root.execute("USE shop")
found = {}
for table, made_of in MADE_OF.items():
    root.execute(
        f"CREATE TABLE {table} (id INT PRIMARY KEY, live TINYINT DEFAULT 1, price INT, stock INT, in_stock {made_of},"
        " name VARCHAR(200), INDEX by_price (live, price, id, in_stock))"
    )
    root.executemany(f"INSERT INTO {table} (id, price, stock, name) VALUES (%s, %s, %s, %s)", ROWS)
    root.execute(f"ANALYZE TABLE {table}")
    root.fetchall()
    page = PAGE.format(table=table)
    cursors = [connect() for _ in range(6)]
    for cursor in cursors:
        cursor.execute("PREPARE page FROM %s", (page,))
    alone = pages_read(cursors[0], "EXECUTE page")
    as_text = most_after_meeting(cursors, page)
    prepared = most_after_meeting(cursors, "EXECUTE page")
    root.execute(f"EXPLAIN {page}")
    assert ["Using index"] == [said for *_, says in root.fetchall() for said in says.split("; ") if "index" in said]
    found[table] = (alone, as_text, prepared)
    print(f"in_stock {table}: pages read alone {alone}, as text beside others {as_text}, prepared beside others {prepared}")

alone, as_text, prepared = found["ordinary"]
assert alone == as_text == prepared, found
alone, as_text, prepared = found["generated"]
assert alone == as_text < prepared / 1.5, found
print("as observed: prepared and run by several connections at once, a SELECT reads rows that its index covers")
PYTHON
