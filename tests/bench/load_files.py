"""The files that loads are measured with: made-up rows of the forms that people have."""

import csv
import random
from pathlib import Path
from typing import Any

import orjson

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed import generate
from farmlokal.database.dialect import decimal_string

_KINDS = 100  # at each market
_HEADER = "State,District,Market,Commodity,Variety,Grade,Arrival_Date,Min_Price,Max_Price,Modal_Price"
_OF_MARKETS_ONLY = ("said", "min_paise", "max_paise")


def write_market(path: Path, rows: int) -> None:
    """A day's market prices, each of another product."""
    draw = random.Random(4)
    with path.open("w", encoding="utf-8", newline="") as file:
        written = csv.writer(file)
        written.writerow(_HEADER.split(","))
        for number in range(rows):
            market, kind = divmod(number, _KINDS)
            price = draw.randrange(500, 9000, 10)
            places = f"State {market % 30}", f"District {market % 700}", f"Market {market} APMC"
            words = f"Commodity {(market * 7 + kind) % 300}", ("Other", "Hybrid", "Local")[kind % 3], "FAQ"
            written.writerow([*places, *words, "19/02/2025", price - 100, price + 100, price])


def write_wire(path: Path, rows: int, *, version: int) -> None:
    """The seed products in our wire format, a line each, in one of their versions."""
    with path.open("wb") as file:
        file.writelines(orjson.dumps(_wire(record, version)) + b"\n" for record in generate(1, rows))


def _wire(record: ProductRecord, version: int) -> dict[str, Any]:
    fields = record._asdict() | {"version": version, "price": decimal_string(record.price_paise + version)}
    for name in ("price_paise", *_OF_MARKETS_ONLY):
        del fields[name]
    return fields
