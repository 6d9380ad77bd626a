"""Filling the catalogue, by seeding and by importing, to the server's own way of loading a file."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

import orjson
import pymysql

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed import generate
from farmlokal.database.dialect import decimal_string
from tests.bench.figures import Figure, ratio
from tests.bench.stand import Stand, farmlokal, mysql_address

_ROWS_MAX = 100_000
_ROUNDS_MAX = 3
_REFERENCE = "LOAD DATA LOCAL INFILE of the same rows into the same table, one connection: rows a second"
_COLUMNS = (
    "source, external_id, version, digest, live, name, name_key, category, price, unit, farm_id, farm_name, market,"
    " district, district_key, state, state_key, lat, lon, stock, organic, rating, created_at, updated_at"
)


def bulk(stand: Stand) -> Iterator[Figure]:
    """Rows a second of `farmlokal seed` and `farmlokal import`, as processes, to those of LOAD DATA."""
    catalogue = stand.catalogue(stand.options.products)
    rows = min(_ROWS_MAX, catalogue.products)
    with tempfile.TemporaryDirectory() as folder:
        table, products, newer = (Path(folder, name) for name in ("rows.tsv", "products.ndjson", "newer.ndjson"))
        _write_table(table, catalogue.execute(f"SELECT {_COLUMNS} FROM products ORDER BY id LIMIT {rows}"))
        _write_wire(products, rows, version=1)
        _write_wire(newer, rows, version=2)
        rounds = [_round(stand, rows, table, products, newer) for _ in range(min(_ROUNDS_MAX, stand.options.rounds))]
    for name, number in (("seed", 1), ("import, new rows", 2), ("import, every row changed", 3)):
        pairs = [(one[number], one[0]) for one in rounds]
        extra: dict[str, float] = {
            "rows_per_s": round(median(one for one, _ in pairs)),
            "load_data_rows_per_s": round(median(other for _, other in pairs)),
        }
        yield ratio(f"{name}: {rows:,} rows", pairs, _REFERENCE, extra=extra)
    load_data = median(one[0] for one in rounds)
    extra = {"seconds": round(catalogue.seed_s, 1), "rows_per_s": round(catalogue.products / catalogue.seed_s)}
    pairs = [(catalogue.products / catalogue.seed_s, load_data)]
    yield ratio(f"seed: all {catalogue.products:,} rows", pairs, f"{_REFERENCE}, {rows:,} rows", extra=extra)


def _round(stand: Stand, rows: int, table: Path, products: Path, newer: Path) -> tuple[float, float, float, float]:
    load_s = _load_data(stand.access.url(stand.new_database()), table)
    seed_s = farmlokal(stand.access.url(stand.new_database()), "seed", "--products", str(rows))
    imported = stand.access.url(stand.new_database())
    import_s = farmlokal(imported, "import", str(products))
    update_s = farmlokal(imported, "import", str(newer))
    return rows / load_s, rows / seed_s, rows / import_s, rows / update_s


def _load_data(url: str, table: Path) -> float:
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
        started = time.perf_counter()
        statement = f"LOAD DATA LOCAL INFILE '{table}' INTO TABLE products CHARACTER SET utf8mb4 ({_COLUMNS})"
        connection.cursor().execute(statement)
        return time.perf_counter() - started


def _write_table(path: Path, rows: list[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines("\t".join("\\N" if value is None else str(value) for value in row) + "\n" for row in rows)


def _write_wire(path: Path, rows: int, *, version: int) -> None:
    with path.open("wb") as file:
        file.writelines(orjson.dumps(_wire(record, version)) + b"\n" for record in generate(1, rows))


def _wire(record: ProductRecord, version: int) -> dict[str, Any]:
    fields = record._asdict() | {"version": version, "price": decimal_string(record.price_paise + version)}
    del fields["price_paise"], fields["said"]  # one has another form here, the other only market files have
    return fields
