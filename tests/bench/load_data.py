"""The reference of loads: what is in a catalogue's tables, loaded into another catalogue by LOAD DATA."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pymysql

from tests.bench.stand import mysql_address
from tests.servers import DatabaseAccess

# Every table that a load writes a row to for each row of its file, and in what order its rows came.
_TABLES = {
    "products": (
        "id",
        "source, external_id, version, digest, live, name, name_key, category, price, unit, farm_id, farm_name, market,"
        " district, district_key, state, state_key, lat, lon, stock, organic, rating, created_at, updated_at, cell, x,"
        " yz, name_id, derived_version, image_url, description, brand",
    ),
    "price_days": ("product_id, day", "product_id, day, sequence, said, unit, min_paise, modal_paise, max_paise"),
}

Tables = Mapping[str, list[Path]]
"""The files of each table's rows, one for each connection."""


def unload(access: DatabaseAccess, database: str, folder: Path, *, parts: int) -> Tables:
    """Write what `database` holds to files in `folder`."""
    written: dict[str, list[Path]] = {}
    for table, (order, columns) in _TABLES.items():
        rows = access.execute(f"SELECT {columns} FROM {table} ORDER BY {order}", database=database)
        written[table] = [folder / f"{table}.{part}.tsv" for part in range(parts)]
        for part, path in enumerate(written[table]):
            with path.open("w", encoding="utf-8") as file:
                # Runs of rows, as one process after the other is given them.
                first, last = part * len(rows) // parts, (part + 1) * len(rows) // parts
                file.writelines(
                    "\t".join("\\N" if value is None else str(value) for value in row) + "\n"
                    for row in rows[first:last]
                )
    return written


def load_data(url: str, tables: Tables) -> None:
    """Load the files into the tables of the database at `url`, each table's side by side."""
    for table, paths in tables.items():
        with ThreadPoolExecutor(len(paths)) as connections:
            list(connections.map(lambda path, table=table: _load(url, table, path), paths))


def _load(url: str, table: str, path: Path) -> None:
    address = mysql_address(url)
    with closing(
        pymysql.connect(
            host=address.host,
            port=address.port,
            user=address.user,
            password=address.password,
            database=address.database,
            local_infile=True,
            autocommit=True,
        )
    ) as connection:
        columns = _TABLES[table][1]
        connection.cursor().execute(
            f"LOAD DATA LOCAL INFILE '{path}' INTO TABLE {table} CHARACTER SET utf8mb4 ({columns})"
        )
