#!/usr/bin/env bash
# JSON_ARRAYAGG of MariaDB cuts a long array within a number, closes the bracket, and calls it done.
#
# Expected:  an aggregate that makes JSON gives all of it or an error; where a limit cut it, the text at least parses no
#            more, so that the reader notices.
# Observed:  of 200,000 rows with the numbers 1 to 200,000, JSON_ARRAYAGG gives valid JSON with 165,669 numbers, of
#            which the last is 16566: a 165669 that lost its last digit. The text stops at group_concat_max_len (1 MiB),
#            in the middle of a value, and is then closed. There is a warning, which drivers do not raise, and strict
#            SQL mode makes no error of it. JSON_OBJECTAGG over the same rows is whole, with three times as many bytes.
# Versions:  MariaDB 10.11.18 (Debian 12), PyMySQL 1.2.4 (PyPI)
# For us:    the database renders one JSON object to a row, and the service joins them; nothing is aggregated there
#            (docs/catalogue.md, "A page is two steps").
# Source:    MariaDB's page on JSON_ARRAYAGG names the limit; that the result is valid and false was seen here.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/servers/mariadb.bash"
folder=$(mktemp -d)
trap 'mariadb_stop; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'PyMySQL==1.2.4'
mariadb_start "$folder"

"$folder/venv/bin/python" - "$folder/mariadb.sock" <<'PYTHON'
import json
import sys

import pymysql

cursor = pymysql.connect(unix_socket=sys.argv[1], user="root").cursor()
cursor.execute("CREATE DATABASE shop")
cursor.execute("USE shop")
cursor.execute("SELECT @@sql_mode, @@group_concat_max_len, VERSION()")
sql_mode, limit, version = cursor.fetchone()
assert "STRICT_TRANS_TABLES" in sql_mode and limit == 1_048_576, (sql_mode, limit)

cursor.execute("SELECT JSON_ARRAYAGG(seq) FROM seq_1_to_200000")
numbers = json.loads(cursor.fetchone()[0])
cursor.execute("SHOW WARNINGS")
warnings = cursor.fetchall()
assert numbers[:-1] == list(range(1, 165_669)), len(numbers)
assert numbers[-1] == 16_566, numbers[-1]
assert [code for _, code, _ in warnings] == [1260], warnings

cursor.execute("SELECT JSON_OBJECTAGG(seq, seq) FROM seq_1_to_200000")
assert len(json.loads(cursor.fetchone()[0])) == 200_000
print(f"as observed: MariaDB {version} makes {len(numbers)} numbers of 200000, ending in {numbers[-2:]}")
PYTHON
