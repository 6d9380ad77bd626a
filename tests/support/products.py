"""The tests' small catalogue: products that take turns in everything that can be filtered by."""

from pathlib import Path

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.records import ProductRecord
from tests.support.service import fill, sqlite_url

PRODUCTS = 65


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
    """The URL of an SQLite catalogue of PRODUCTS products in `folder`."""
    url = sqlite_url(folder)
    await fill(url, [product(number) for number in range(1, PRODUCTS + 1)])
    return url
