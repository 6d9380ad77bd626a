#!/usr/bin/env bash
# Handler_read_next counts four entries of a scan that reads ten thousand, in MySQL and in MariaDB.
#
# Expected:  Handler_read_next says how many entries of an index a statement has read. One that reads rows beside its index
#            reads at least as many as one that the same index answers alone, under the same conditions.
# Observed:  that is so only for the one that the index answers alone. For the other, the server hands its conditions down
#            to InnoDB ("Using index condition"), and what they reject there is not counted: 4 in the place of 9,994,
#            though the same ten thousand entries were gone through. With that pushing down switched off they are counted.
#            MariaDB counts them by a name of its own, Handler_icp_attempts; MySQL has no such count.
# Versions:  MySQL 9.7.4 (Debian unstable), MariaDB 10.11.18 (Debian 12), PyMySQL 1.2.4 (PyPI)
# For us:    scans that read rows are not held to a bound by this count beside scans that do not (docs/catalogue.md,
#            "Surprises"; tests/catalog/counted_reads.py).
# Source:    MySQL's manual, "Server Status Variables" (Handler_read_next: the number of requests to read the next row in
#            key order), and "Index Condition Pushdown Optimization", which does not tell of the count.
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

# The last ten products are organic; no index has the unit, which all products share.
ROWS = [(number, number, int(number > 9990)) for number in range(1, 10_001)]
PAGE = (
    "SELECT id FROM products FORCE INDEX (by_price) WHERE live = 1 AND price > 0 AND organic = 1{}"
    " ORDER BY price, id LIMIT 5"
)
ALONE, WITH_ROWS = PAGE.format(""), PAGE.format(" AND unit = 'kg'")


def counted(cursor, statement):
    """The page's ids, and the server's counts while it was found."""
    cursor.execute("FLUSH STATUS")
    cursor.execute(statement)
    ids = [id for (id,) in cursor.fetchall()]
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_%'")
    return ids, {name: int(value) for name, value in cursor.fetchall()}


for server, socket in (("MariaDB", sys.argv[1]), ("MySQL", sys.argv[2])):
    cursor = pymysql.connect(unix_socket=socket, user="root", autocommit=True).cursor()
    cursor.execute("CREATE DATABASE shop")
    cursor.execute("USE shop")
    cursor.execute(
        "CREATE TABLE products (id INT PRIMARY KEY, price INT NOT NULL, organic INT NOT NULL, live INT NOT NULL DEFAULT 1,"
        " unit VARCHAR(8) NOT NULL DEFAULT 'kg', INDEX by_price (live, price, id, organic)) ENGINE=InnoDB"
    )
    cursor.executemany("INSERT INTO products (id, price, organic) VALUES (%s, %s, %s)", ROWS)
    expected, alone = counted(cursor, ALONE)
    ids, with_rows = counted(cursor, WITH_ROWS)
    assert ids == expected == [9991, 9992, 9993, 9994, 9995]
    cursor.execute("SET optimizer_switch = 'index_condition_pushdown=off'")
    _, not_pushed = counted(cursor, WITH_ROWS)
    seen = [one["Handler_read_next"] for one in (alone, with_rows, not_pushed)]
    assert seen == [9994, 4, 9994], (server, seen)
    # InnoDB looks some entries ahead.
    assert (with_rows.get("Handler_icp_attempts", 0) >= 9994) == (server == "MariaDB"), (server, with_rows)
    cursor.execute("SELECT VERSION()")
    version = cursor.fetchone()[0].partition("-")[0]
    print(f"as observed: {server} {version} counts {seen[0]} entries by the index alone, {seen[1]} where it reads rows")
PYTHON
