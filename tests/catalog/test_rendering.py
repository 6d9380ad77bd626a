"""What clients see of a product: rendered by the database, and the same on every backend."""

from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import SORTS
from farmlokal.catalog.reading.loaders import Listing, ProductStore
from farmlokal.catalog.reading.schemas import Product, ProductPage, WholeProduct
from tests.catalog.questions import where
from tests.catalog.upserting import Writing, record
from tests.support.backends import on_every_backend

SIGNER = CursorSigner([b"a key of this test alone"])

# Of every page; those of a place have one more.
FIELDS = [name for name in Product.__annotations__ if name in Product.__required_keys__]
# What a product's own answer has beside.
OWN = ["description", "brand"]
FULL: dict[str, Any] = {
    "name": 'Tomato "Pusa" \\ Ruby/टमाटर 🍅',
    "category": "vegetables",
    "price_paise": 5,
    "unit": "kg",
    "farm": "Patil's\u2028Farm",
    "market": "Pimpri % Chinchwad",
    "district": "Pune",
    "state": "Mahārāshtra",
    "lat": 18.0,
    "lon": -0.0000001,
    "stock": 2147483647,
    "organic": True,
    "rating": 4.25,
    "created_at": "2026-01-02T03:04:05Z",
    "image_url": "https://images.example/टमाटर.jpg?size=2&a='",
    "description": 'Two lines:\n"red" \\ and ripe',
    "brand": "Sahyādri <Greens>",
}


def seen(body: bytes) -> dict[str, Any]:
    """A body as JSON has it, after a check that it is compact."""
    content: dict[str, Any] = orjson.loads(body)
    assert b'": ' not in body
    assert b', "' not in body
    return content


@on_every_backend
async def test_every_field_as_it_was_written(write: Writing) -> None:
    """Texts that have to be escaped, the least and the greatest numbers, in the fields' documented order."""
    await write(record("full", **FULL))
    row_id = (await write.product("full")).id
    listing = Listing(ProductStore(write.database), SIGNER)
    product = seen((await listing.product(row_id)).body)
    assert FIELDS + OWN == list(product)
    TypeAdapter(WholeProduct).validate_python(product, strict=True)
    farm_id = product["farm"]["id"]
    expected = {name: value for name, value in FULL.items() if name not in ("farm", "price_paise")}
    expected |= {"id": row_id, "price": "0.05", "currency": "INR", "farm": {"id": farm_id, "name": FULL["farm"]}}
    assert expected | {"updated_at": product["updated_at"]} == product


@on_every_backend
async def test_what_is_absent_is_null(write: Writing) -> None:
    """A product with the required fields alone."""
    await write(record("bare"))
    listing = Listing(ProductStore(write.database), SIGNER)
    product = seen((await listing.product((await write.product("bare")).id)).body)
    assert FIELDS + OWN == list(product)
    absent = ("farm", "market", "district", "state", "lat", "lon", "rating", "image_url", *OWN)
    assert dict.fromkeys(absent) == {name: product[name] for name in absent}
    assert (0, False, "24.50") == (product["stock"], product["organic"], product["price"])


@on_every_backend
@pytest.mark.parametrize("sort", SORTS)
async def test_a_page_is_its_products(write: Writing, sort: str) -> None:
    """A page holds each product as its own answer begins, byte for byte, and cursors that lead on and back."""
    await write(*[record(f"{number}", **FULL | {"name": f"Name {number % 3}", "rating": None}) for number in range(5)])
    await write(record("bare", name="Okra"))
    listing = Listing(ProductStore(write.database), SIGNER)
    query = ListingQuery(where(category=["vegetables"]), SORTS[sort], 4)
    first = await listing.page(query)
    page = seen(first.body)
    TypeAdapter(ProductPage).validate_python(page, strict=True)
    alone = [
        (await listing.product(product["id"])).body.partition(b',"description":')[0] + b"}" for product in page["data"]
    ]
    assert first.body.startswith(b'{"data":[' + b",".join(alone) + b'],"page":{"limit":4,"has_more":true,')
    second = await listing.page(
        ListingQuery(query.filters, query.sort, 4, SIGNER.open(page["page"]["next_cursor"], query))
    )
    rest = seen(second.body)
    assert (2, None) == (len(rest["data"]), rest["page"]["next_cursor"])
    back = SIGNER.open(rest["page"]["prev_cursor"], query)
    again = seen((await listing.page(ListingQuery(query.filters, query.sort, 4, back))).body)
    assert page["data"] == again["data"]


@on_every_backend
async def test_an_empty_page(write: Writing) -> None:
    """No products, no cursors."""
    body = (await Listing(ProductStore(write.database), SIGNER).page(ListingQuery())).body
    assert b'{"data":[],"page":{"limit":20,"has_more":false,"next_cursor":null,"prev_cursor":null}}' == body
