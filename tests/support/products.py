"""The tests' small catalogue: products that take turns in everything that can be filtered by."""

import sqlite3
from contextlib import closing
from pathlib import Path

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.directory_counts import count_directory
from tests.support.service import CATALOGUE_FILE, fill, open_database, sqlite_url

PRODUCTS = 65

_made: list[bytes] = []  # the file of the first catalogue, once it is there


def product(number: int) -> ProductRecord:
    """Product `number` of the tests' catalogue: categories, districts and prices take turns."""
    return ProductRecord(
        source="test",
        external_id=str(number),
        version=1,
        name=f"Crop {number:03d}",
        category=CATEGORIES[number % len(CATEGORIES)],
        price_paise=100 * (number % 7) + 50,
        unit="kg",
        farm=f"Farm {number % 5}",
        district=("Pune", "Nashik", "Solan")[number % 3],
        state=("Maharashtra", "Himachal Pradesh")[number % 2],
        stock=number % 4,
        organic=number % 2 == 0,
        rating=(number % 50) / 10,
        created_at=f"2026-11-{1 + number % 20:02d}T10:15:00Z",
    )


async def catalogue(folder: Path) -> str:
    """The URL of an SQLite catalogue of PRODUCTS products in `folder`, whose directory is counted.

    The first one of this process is made product by product; the others are copies of its file, each with an identity
    of its own.
    """
    url, file = sqlite_url(folder), folder / CATALOGUE_FILE
    if _made and not file.exists():
        file.write_bytes(_made[0])
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE catalogue SET identity = lower(hex(randomblob(8)))")
        return url
    await fill(url, [product(number) for number in range(1, PRODUCTS + 1)])
    async with open_database(url) as database:
        await count_directory(database)
    if not _made:
        _made.append(file.read_bytes())
    return url
