"""Where the SQL of MySQL (and MariaDB) and of SQLite differ."""

from collections.abc import Callable
from dataclasses import dataclass

from farmlokal.database.json_sql import JsonObject, mysql_json_object, sqlite_json_object

IN_VALUES_MAX = 500
"""The values of an IN list. MariaDB turns longer ones into a join with a temporary table, which locks more, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Dialect:
    """The few pieces of SQL and of value encoding that a statement cannot share between backends.

    name: `mysql` or `sqlite`
    index_hint: a format that makes a table use one index and no other
    identity_hint: a format that makes a table use its unique key TABLE_identity, whatever its size is believed to be
    row_list: a format that makes of rows, each in brackets, what several columns together may be IN
    for_update: the suffix that locks the rows read
    insert_ignore: INSERT that leaves a row alone whose unique key is taken
    on_taken: the clause of an INSERT that begins what to update where the unique key is taken
    offered: a format that gives there what the INSERT has for a column
    remade: a format for a column that follows from another one, which an UPDATE has just set: what it goes on with
    price_sql: an expression that gives the column `price` as a decimal string
    time_sql: a format that makes of a time column RFC 3339 text
    number_sql: a format that makes of a decimal column a number without trailing zeros
    unix_time_sql: the database's clock in whole Unix seconds, the one clock that all processes share
    json_object: fields → an expression that makes a JSON object of them
    price_in: paise → what the column `price` holds
    time_in: RFC 3339 UTC → what a time column holds
    time_out: what a time column holds, as text → RFC 3339 UTC
    """

    name: str
    index_hint: str
    identity_hint: str
    row_list: str
    for_update: str
    insert_ignore: str
    on_taken: str
    offered: str
    remade: str
    price_sql: str
    time_sql: str
    number_sql: str
    unix_time_sql: str
    json_object: JsonObject
    price_in: Callable[[int], str | int]
    time_in: Callable[[str], str]
    time_out: Callable[[str], str]


def decimal_string(paise: int) -> str:
    """Rupees with two decimals: 2450 → `24.50`."""
    return f"{paise // 100}.{paise % 100:02d}"


MYSQL = Dialect(
    name="mysql",
    index_hint="FORCE INDEX ({})",
    identity_hint="FORCE INDEX ({}_identity)",
    row_list="({})",
    for_update=" FOR UPDATE",
    insert_ignore="INSERT IGNORE",
    on_taken="ON DUPLICATE KEY UPDATE",
    # MySQL would rather have an alias of the row, which MariaDB does not know.
    offered="VALUES({})",
    remade=", {} = DEFAULT",
    price_sql="CAST(price AS CHAR)",
    # Each % twice: the driver formats the statement.
    time_sql="DATE_FORMAT({}, '%%Y-%%m-%%dT%%H:%%i:%%sZ')",
    number_sql="{} + 0e0",
    unix_time_sql="UNIX_TIMESTAMP()",
    json_object=mysql_json_object,
    price_in=decimal_string,
    time_in=lambda wire: wire[:19].replace("T", " "),
    time_out=lambda text: f"{text[:10]}T{text[11:19]}Z",
)

# SQLite has no decimal type: its column holds whole paise. Times are kept as they stand on the wire, which sorts.
SQLITE = Dialect(
    name="sqlite",
    index_hint="INDEXED BY {}",
    identity_hint="",  # SQLite names such an index by itself, and has no other that fits
    row_list="(VALUES {})",
    for_update="",
    insert_ignore="INSERT OR IGNORE",
    on_taken="ON CONFLICT DO UPDATE SET",
    offered="excluded.{}",
    remade="",  # it is generated
    price_sql="printf('%d.%02d', price / 100, price % 100)",
    time_sql="{}",
    number_sql="{}",
    unix_time_sql="CAST((julianday('now') - 2440587.5) * 86400 AS INTEGER)",
    json_object=sqlite_json_object,
    price_in=lambda paise: paise,
    time_in=lambda wire: wire,
    time_out=lambda text: text,
)
