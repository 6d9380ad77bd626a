"""`GET /products/{id}/prices` and its picture over HTTP."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from farmlokal.catalog.imports.importer import import_file
from farmlokal.catalog.writing.market_files import MarketFiles
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.web import keys
from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.support.kept_connection import ask_kept
from tests.support.products import catalogue
from tests.support.raw_requests import Answer, ask, problem
from tests.support.service import Service, open_database, serving, settings_for
from tests.support.webhook_sender import SECRET, deliver

DAYS = [f"{day:02d}/02/2025" for day in (10, 11, 12, 14, 15)]
FILE = mandi_csv(*(mandi_row(Arrival_Date=day, Modal=str(1400 + place)) for place, day in enumerate(DAYS)))
IDENTITY = "maharashtra|pune|pimpri|tomato|hybrid|faq"


async def load(url: str, folder: Path, content: str) -> frozenset[str]:
    """Import a market file as the command does. Returns the cache tags that it touched."""
    tags: set[str] = set()

    class Writer(ProductWriter):
        async def apply(self, *changes: Any, **how: Any) -> Any:
            applied = await super().apply(*changes, **how)
            tags.update(*(one.tags for one in applied))
            return applied

    path = folder / "given.csv"
    path.write_text(content)
    async with open_database(url) as database:
        await import_file(path, Writer(database), MarketFiles(database))
    return frozenset(tags)


class Priced:
    """A service with the small catalogue, and a product that has five days of prices."""

    def __init__(self, service: Service, url: str, folder: Path, product_id: int) -> None:
        self.service = service
        self.port = service.port
        self.url = url
        self.folder = folder
        self.prices = f"/products/{product_id}/prices"

    async def days(self, query: str = "") -> list[str]:
        """The days of a page."""
        return [one["day"] for one in (await ask(self.port, f"{self.prices}{query}")).json()["data"]]


@pytest.fixture
async def priced(tmp_path: Path) -> AsyncIterator[Priced]:
    """A running service without Redis."""
    url = await catalogue(tmp_path)
    await load(url, tmp_path, FILE)
    async with open_database(url) as database:
        ((product_id,),) = await database.fetch("SELECT id FROM products WHERE external_id = %s", (IDENTITY,))
    async with serving(settings_for(url, webhook_secrets=SECRET)) as service:
        yield Priced(service, url, tmp_path, product_id)


def parsed(answer: Answer) -> ElementTree.Element:
    """The picture in an answer."""
    assert (200, "image/svg+xml") == (answer.status, answer.headers["Content-Type"])
    return ElementTree.fromstring(answer.body)  # noqa: S314 - our own


async def test_days_of_a_product(priced: Priced) -> None:
    """The newest first, each with its prices; what stands in the path and in the query makes one canonical entry."""
    answer = await ask(priced.port, f"{priced.prices}?limit=2")
    assert [
        {"day": "2025-02-15", "min": "12.00", "modal": "14.04", "max": "16.00", "currency": "INR", "unit": "kg"},
        {"day": "2025-02-14", "min": "12.00", "modal": "14.03", "max": "16.00", "currency": "INR", "unit": "kg"},
    ] == answer.json()["data"]
    assert (200, "farmlokal; fwd=miss; stored") == (answer.status, answer.headers["Cache-Status"])
    padded = priced.prices.replace("/products/", "/products/0")
    again = await ask(priced.port, f"{padded}?utm_source=letter&limit=02")
    assert again.headers["Cache-Status"].endswith("detail=memory")
    assert answer.headers["ETag"] == again.headers["ETag"]
    assert ["2025-02-14", "2025-02-12", "2025-02-11"] == await priced.days("?from=2025-02-11&to=2025-02-14")


async def test_links_lead_through_the_pages(priced: Priced) -> None:
    """`Link` has the addresses of the next page and of the one before, relative to the page's own."""
    met: list[str] = []
    query = "?from=2025-02-11&limit=2"
    ways = []
    while query:
        page = await ask(priced.port, f"{priced.prices}{query}")
        met += [one["day"] for one in page.json()["data"]]
        links = {rel: to for to, rel in re.findall(r'<([^>]+)>; rel="(\w+)"', page.headers["Link"])}
        ways.append(sorted(links))
        query = links.get("next", "")
    assert ["2025-02-15", "2025-02-14", "2025-02-12", "2025-02-11"] == met
    assert [["next"], ["prev"]] == ways


async def test_the_picture(priced: Priced) -> None:
    """An SVG that nothing may run in, whatever it holds; the range counts for it too."""
    answer = await ask(priced.port, f"{priced.prices}.svg?to=2025-02-12")
    said = parsed(answer).findtext("{http://www.w3.org/2000/svg}desc")
    assert str(said).startswith("3 days with prices from 2025-02-10 to 2025-02-12.")
    assert "default-src 'none'; frame-ancestors 'none'" == answer.headers["Content-Security-Policy"]
    assert "nosniff" == answer.headers["X-Content-Type-Options"]
    assert "Link" not in answer.headers


async def test_a_product_without_a_history(priced: Priced) -> None:
    """What no market file tells of has a page without days, and a picture that says so."""
    page = await ask(priced.port, "/products/1/prices")
    info = {"limit": 30, "has_more": False, "next_cursor": None, "prev_cursor": None}
    assert (200, {"data": [], "page": info}) == (page.status, page.json())
    assert "no prices are reported for these days" in "".join(
        parsed(await ask(priced.port, "/products/1/prices.svg")).itertext()
    )


async def test_what_is_cached_revalidates(priced: Priced) -> None:
    """By the validator of the coding, with GET and with HEAD; a HEAD has every header of the GET and no body."""
    for target in (priced.prices, f"{priced.prices}.svg"):
        for coding in ("", "Accept-Encoding: gzip\r\n"):
            page = await ask_kept(priced.port, target, headers=coding)
            head = await ask_kept(priced.port, target, method="HEAD", headers=coding)
            assert (200, 200, b"") == (page.status, head.status, head.body)
            for name in ("ETag", "Content-Type", "Content-Length", "Vary"):
                assert page.headers[name] == head.headers[name]
            for method in ("GET", "HEAD"):
                sent = f"{coding}If-None-Match: {page.headers['ETag']}\r\n"
                answer = await ask_kept(priced.port, target, method=method, headers=sent)
                assert (304, b"", False) == (answer.status, answer.body, "Content-Type" in answer.headers)


async def test_an_import_invalidates(priced: Priced) -> None:
    """A day that comes late touches the product's tag, although the product shows a later one; then it is there."""
    for target in (priced.prices, f"{priced.prices}.svg"):
        await ask(priced.port, target)
    tags = await load(priced.url, priced.folder, mandi_csv(mandi_row(Arrival_Date="13/02/2025")))
    assert frozenset({f"product/{priced.prices.split('/')[2]}"}) == tags
    assert "2025-02-13" not in await priced.days()
    await priced.service.app[keys.CACHE].invalidate(tags)
    assert "2025-02-13" in await priced.days()
    assert "6 days with prices" in "".join(parsed(await ask(priced.port, f"{priced.prices}.svg")).itertext())


async def test_a_webhook_invalidates(priced: Priced) -> None:
    """A product that is deleted has no history to see from then on, nor a picture."""
    for target in (priced.prices, f"{priced.prices}.svg"):
        assert 200 == (await ask(priced.port, target)).status
    gone = {"source": "mandi", "external_id": IDENTITY, "version": 2**40}
    assert 200 == (await deliver(priced.service.client, "product.deleted", gone)).status
    for target in (priced.prices, f"{priced.prices}.svg"):
        content = problem(await ask(priced.port, target), 404, "not-found")
        assert f"there is no product {priced.prices.split('/')[2]}" == content["detail"]


@pytest.mark.parametrize(
    ("query", "faults"),
    [
        ("from=2025-02-12&to=2025-02-11", [("from", "2025-02-12", "must not be after to")]),
        ("from=2025-02-30", [("from", "2025-02-30", "must be a day that exists, such as 2026-11-22")]),
        ("to=20250211", [("to", "20250211", "must be a day that exists, such as 2026-11-22")]),
        ("to=2025-W07-2", [("to", "2025-W07-2", "must be a day that exists, such as 2026-11-22")]),
        ("to=", [("to", "", "must not be empty")]),
        ("from=2025-02-10&from=2025-02-11", [("from", "2025-02-10, 2025-02-11", "must be given once")]),
        ("limit=367", [("limit", "367", "must be between 1 and 366")]),
        ("days=3", [("days", "3", "is not a parameter; these are: from, to, limit, cursor")]),
        ("cursor=x", [("cursor", "x", "must be a next_cursor or prev_cursor of this service, unchanged")]),
        (
            "to=x&limit=0&cursor=y",
            [
                ("to", "x", "must be a day that exists, such as 2026-11-22"),
                ("limit", "0", "must be between 1 and 366"),
                ("cursor", "y", "must be a next_cursor or prev_cursor of this service, unchanged"),
            ],
        ),
    ],
)
async def test_bad_input(priced: Priced, query: str, faults: list[tuple[str, str, str]]) -> None:
    """Every fault is named at once."""
    content = problem(await ask(priced.port, f"{priced.prices}?{query}"), 400, "invalid-parameter")
    assert [dict(zip(("parameter", "value", "detail"), fault, strict=True)) for fault in faults] == content["errors"]


async def test_bad_ids(priced: Priced) -> None:
    """A wrong id stands beside the other faults; a product that is not there is a 404, also with a cursor."""
    content = problem(await ask(priced.port, "/products/0/prices.svg?limit=3"), 400, "invalid-parameter")
    assert ["id", "limit"] == [one["parameter"] for one in content["errors"]]
    problem(await ask(priced.port, "/products/999999/prices"), 404, "not-found")


async def test_a_cursor_of_another_question_is_refused(priced: Priced) -> None:
    """Another product's, another range's, or one of the listing; another limit is none of its business."""
    cursor = (await ask(priced.port, f"{priced.prices}?limit=2")).json()["page"]["next_cursor"]
    of_listing = (await ask(priced.port, "/products?limit=2")).json()["page"]["next_cursor"]
    assert ["2025-02-12"] == await priced.days(f"?limit=1&cursor={cursor}")
    for target in (
        f"{priced.prices}?from=2025-01-01&cursor={cursor}",
        f"/products/1/prices?cursor={cursor}",
        f"{priced.prices}?cursor={of_listing}",
    ):
        content = problem(await ask(priced.port, target), 400, "invalid-parameter")
        assert ["must come from a page of the same product, from and to"] == [
            one["detail"] for one in content["errors"]
        ]
    problem(await ask(priced.port, f"/products?cursor={cursor}"), 400, "invalid-parameter")
