#!/usr/bin/env bash
# MySQL makes an index of sixteen columns and then neither covers with it nor walks it in order; MariaDB does both.
#
# Expected:  both servers allow sixteen columns in an index. One that holds every column that a statement names answers it
#            alone ("Using index"), and ORDER BY its first columns needs no sorting, whether it has ten columns or sixteen.
# Observed:  so it is up to fifteen columns. With the sixteenth, MySQL reads the row of each entry, and sorts all of them
#            for the first 20 ("Using filesort"), also with FORCE INDEX: 10,000 entries in the place of 19. Nothing warns
#            of it when the index is made. MariaDB does with sixteen columns what it does with fifteen.
# Versions:  MySQL 9.7.4 (Debian unstable), MariaDB 10.11.18 (Debian 12), PyMySQL 1.2.4 (PyPI)
# For us:    no index of the catalogue has more than fifteen columns (docs/catalogue.md, "The indexes";
#            tests/catalog/test_covering.py asks EXPLAIN about all of them).
# Source:    MySQL's manual, "Multiple-Column Indexes" (an index may consist of up to 16 columns), which does not tell of it.
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
import warnings

import pymysql

PAGE = "SELECT id FROM products FORCE INDEX ({index}) WHERE live = 1 AND {last} >= 0 ORDER BY price, id LIMIT 20"
ROWS = [(number, number % 997) for number in range(1, 10_001)]
FEW, ALL = 19, len(ROWS)


def page_by(cursor, mariadb, columns):
    """By an index of so many columns: the page's ids, whether it covers, whether it is sorted, the entries read."""
    others = [f"c{number}" for number in range(columns - 3)]
    index = f"of_{columns}"
    cursor.execute(f"ALTER TABLE products ADD INDEX {index} ({', '.join(['live', 'price', 'id', *others])})")
    page = PAGE.format(index=index, last=others[-1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MySQL sends the rewritten query as a note
        cursor.execute(f"EXPLAIN {'' if mariadb else 'FORMAT=TRADITIONAL'} {page}")
    plan = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    assert plan["key"] == index, plan
    remarks = plan["Extra"].split("; ")
    cursor.execute("FLUSH STATUS")
    cursor.execute(page)
    ids = [id for (id,) in cursor.fetchall()]
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read_next'")
    return ids, ("Using index" in remarks, "Using filesort" in remarks, int(cursor.fetchone()[1]))


for server, socket in (("MariaDB", sys.argv[1]), ("MySQL", sys.argv[2])):
    cursor = pymysql.connect(unix_socket=socket, user="root", autocommit=True).cursor()
    cursor.execute("CREATE DATABASE shop")
    cursor.execute("USE shop")
    columns = ", ".join(f"c{number} INT NOT NULL DEFAULT 1" for number in range(13))
    cursor.execute(
        "CREATE TABLE products (id INT PRIMARY KEY, price INT NOT NULL, live INT NOT NULL DEFAULT 1,"
        f" {columns}) ENGINE=InnoDB"
    )
    cursor.executemany("INSERT INTO products (id, price) VALUES (%s, %s)", ROWS)
    found = {many: page_by(cursor, server == "MariaDB", many) for many in (14, 15, 16)}
    assert len({tuple(ids) for ids, _ in found.values()}) == 1, found
    by_width = {many: seen for many, (_, seen) in found.items()}
    well, badly = (True, False, FEW), (False, True, ALL)
    assert by_width == {14: well, 15: well, 16: well if server == "MariaDB" else badly}, (server, by_width)
    cursor.execute("SELECT VERSION()")
    version = cursor.fetchone()[0].partition("-")[0]
    print(f"as observed: {server} {version} reads {by_width[15][2]} entries with 15 columns, {by_width[16][2]} with 16")
PYTHON
