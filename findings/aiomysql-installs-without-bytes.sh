#!/usr/bin/env bash
# A fresh "pip install aiomysql" gives a driver that takes no bytes.
#
# Expected:  the newest aiomysql and what it asks for work together: a parameter of bytes for a BLOB or BINARY column.
# Observed:  aiomysql asks for PyMySQL 1.0 or later, and gets 1.2.4, where a function that it calls for every bytes is a
#            text that stands in for it until it goes altogether: TypeError, 'str' object is not callable. All else
#            works, so that a service without such a column notices nothing, and one with it fails at its next
#            installation. With PyMySQL 1.1.3 the same aiomysql is right.
# Versions:  aiomysql 0.3.2 with PyMySQL 1.2.4 and 1.1.3 (PyPI)
# For us:    PyMySQL is held below 1.3, where the name is to go, and no statement binds bytes (setup.py says so).
# Source:    aio-libs/aiomysql issue 1080, open; PyMySQL/PyMySQL issue 1274
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

bound() {  # PYMYSQL-VERSION: what becomes of a parameter of bytes; no server is asked
  python3 -m venv "$folder/$1"
  "$folder/$1/bin/pip" install --quiet 'aiomysql==0.3.2' "PyMySQL==$1"
  "$folder/$1/bin/python" - <<'PYTHON'
import aiomysql

try:
    print(aiomysql.Connection(host="127.0.0.1").escape(b"a"))
except TypeError as error:
    print(error)
PYTHON
}

now=$(bound 1.2.4)
before=$(bound 1.1.3)
[ "$now" = "'str' object is not callable" ] || { echo "with PyMySQL 1.2.4: $now" >&2; exit 1; }
[ "$before" = "_binary'a'" ] || { echo "with PyMySQL 1.1.3: $before" >&2; exit 1; }
echo "as observed: $now with PyMySQL 1.2.4, $before with 1.1.3"
