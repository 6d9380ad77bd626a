#!/usr/bin/env bash
# executemany() of three MySQL drivers is one statement or a thousand, by what stands between the brackets of VALUES.
#
# Expected:  a driver that folds INSERT … VALUES (%s, %s) into one statement of many rows does so for every such INSERT;
#            NOW() instead of a parameter changes nothing.
# Observed:  PyMySQL, aiomysql and asyncmy look at the text with a regular expression that knows placeholders alone
#            between the brackets. With NOW() or UPPER(%s) among them, RETURNING behind or a comment before it, they
#            send a statement for each row: a thousand round trips instead of one, without a word. Over a network of 1
#            ms that is a second where it was a millisecond. mysql-connector-python folds them (but for RETURNING, which
#            it refuses).
# Versions:  PyMySQL 1.2.4, aiomysql 0.3.2, asyncmy 0.2.18, mysql-connector-python 26.10.0 (PyPI); MariaDB 10.11.18
# For us:    our INSERTs of many rows have placeholders alone, times included, and other statements are sent many at a
#            time by code of ours (docs/catalogue.md, "Surprises"; tests/database/test_transactions.py counts them).
# Source:    PyMySQL/PyMySQL issue 781 and PyMySQL/mysqlclient issue 334, closed as meant so
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/servers/mariadb.bash"
folder=$(mktemp -d)
trap 'mariadb_stop; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet \
  'PyMySQL==1.2.4' 'aiomysql==0.3.2' 'asyncmy==0.2.18' 'mysql-connector-python==26.10.0'
mariadb_start "$folder"

"$folder/venv/bin/python" - "$folder/mariadb.sock" <<'PYTHON'
import asyncio
import sys

import aiomysql
import asyncmy
import mysql.connector
import pymysql

SOCKET = sys.argv[1]
ROWS = [(number, "tomato") for number in range(1000)]
PLAIN = "INSERT INTO products (id, name) VALUES (%s, %s)"
INSERTS = {
    "placeholders": PLAIN,
    "on duplicate": PLAIN + " ON DUPLICATE KEY UPDATE name = VALUES(name)",
    "a function": "INSERT INTO products (id, name) VALUES (%s, UPPER(%s))",
    "now": "INSERT INTO products (id, name, at) VALUES (%s, %s, NOW())",
    "a comment": "/* import */ " + PLAIN,
    "returning": PLAIN + " RETURNING id",
}

cursor = pymysql.connect(unix_socket=SOCKET, user="root", autocommit=True).cursor()
cursor.execute("CREATE DATABASE shop")
cursor.execute("CREATE TABLE shop.products (id INT PRIMARY KEY, name VARCHAR(40), at DATETIME) ENGINE=InnoDB")


def statements():
    cursor.execute("SHOW GLOBAL STATUS LIKE 'Com_insert'")
    return int(cursor.fetchone()[1])


def by_pymysql(sql):
    with pymysql.connect(unix_socket=SOCKET, user="root", database="shop") as connection:
        connection.cursor().executemany(sql, ROWS)
        connection.commit()


def by_connector(sql):
    with mysql.connector.connect(
        unix_socket=SOCKET, user="root", database="shop", use_pure=True, collation="utf8mb4_general_ci"
    ) as connection:
        connection.cursor().executemany(sql, ROWS)
        connection.commit()


async def by_asyncio(driver, sql):
    connection = await driver.connect(unix_socket=SOCKET, user="root", db="shop")
    async with connection.cursor() as own:
        await own.executemany(sql, ROWS)
    await connection.commit()
    connection.close()


DRIVERS = {
    "PyMySQL": by_pymysql,
    "aiomysql": lambda sql: asyncio.run(by_asyncio(aiomysql, sql)),
    "asyncmy": lambda sql: asyncio.run(by_asyncio(asyncmy, sql)),
    "connector": by_connector,
}


def sent(driver, sql):
    cursor.execute("TRUNCATE TABLE shop.products")
    before = statements()
    DRIVERS[driver](sql)
    return statements() - before


for driver in DRIVERS:
    folded = {"placeholders", "on duplicate"}
    asked = dict(INSERTS)
    if driver == "connector":
        folded |= {"a function", "now", "a comment"}
        del asked["returning"]  # sent as one, and then refused by the driver itself: it expects no rows
    seen = {what: sent(driver, sql) for what, sql in asked.items()}
    assert seen == {what: 1 if what in folded else 1000 for what in asked}, (driver, seen)
    print(f"as observed: {driver} sends for 1000 rows", seen)
PYTHON
