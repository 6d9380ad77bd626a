"""`GET /products` as a client sees it: the page, and what its headers say to clients and caches."""

import asyncio
import re
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urljoin

import pytest

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.web import keys
from tests.support.products import PRODUCTS, catalogue
from tests.support.raw_requests import Answer, ask, max_age_s
from tests.support.service import Service, serving, settings_for
from tests.support.waiting import until
from tests.web.hot_service import connections_of
from tests.web.watched_store import watch_store

PRODUCT_FIELDS = [
    *("id", "name", "category", "price", "currency", "unit", "farm", "market", "district", "state", "lat", "lon"),
    *("stock", "organic", "rating", "created_at", "updated_at", "image_url"),
]
ALL_CATEGORIES = ",".join(CATEGORIES)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service without Redis, over the small catalogue."""
    async with serving(settings_for(await catalogue(tmp_path))) as running:
        yield running


def links(answer: Answer) -> dict[str, str]:
    """The targets of the Link header by their relation."""
    return {relation: target for target, relation in re.findall(r'<([^>]*)>; rel="(\w+)"', answer.headers["Link"])}


async def test_a_page_has_the_documented_shape(service: Service) -> None:
    """The body has the contract's fields in its order, money as a string, and times in whole seconds of UTC."""
    body = (await ask(service.port, "/products?sort=name&limit=1")).json()
    assert ["data", "page"] == list(body)
    (first,) = body["data"]
    assert PRODUCT_FIELDS == list(first)
    assert ("Crop 001", "1.50", "INR") == (first["name"], first["price"], first["currency"])
    assert ["id", "name"] == list(first["farm"])
    assert "2026-11-02T10:15:00Z" == first["created_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["updated_at"])
    assert ["limit", "has_more", "next_cursor", "prev_cursor"] == list(body["page"])
    assert (1, True, None) == (body["page"]["limit"], body["page"]["has_more"], body["page"]["prev_cursor"])


async def test_a_miss_says_so_and_how_long_it_took(service: Service) -> None:
    """The first answer was loaded for this request, and carries every caching header."""
    answer = await ask(service.port, "/products")
    assert (200, "application/json") == (answer.status, answer.headers["Content-Type"])
    assert "farmlokal; fwd=miss; stored" == answer.headers["Cache-Status"]
    assert re.fullmatch(r"origin;dur=\d+\.\d", answer.headers["Server-Timing"])
    assert "Age" not in answer.headers
    assert "Accept-Encoding" == answer.headers["Vary"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', answer.headers["ETag"])
    found = re.fullmatch(
        r"public, max-age=(\d+), stale-while-revalidate=300, stale-if-error=300", answer.headers["Cache-Control"]
    )
    assert found is not None
    # 30 ± 10 %, less the load.
    assert 0 < int(found[1]) <= 33


async def test_a_hit_is_the_same_answer_from_memory(service: Service) -> None:
    """The second answer has the same bytes and validator, and says how long it stays fresh."""
    first = await ask(service.port, "/products?limit=3")
    second = await ask(service.port, "/products?limit=3")
    assert re.fullmatch(r"farmlokal; hit; ttl=\d+; detail=memory", second.headers["Cache-Status"])
    assert "Server-Timing" not in second.headers
    assert (first.body, first.headers["ETag"]) == (second.body, second.headers["ETag"])
    ttl = re.search(r"ttl=(\d+)", second.headers["Cache-Status"])
    assert ttl is not None
    assert second.headers["Cache-Control"].startswith(f"public, max-age={ttl[1]}, ")
    assert first.headers["Link"] == second.headers["Link"]


async def test_another_process_finds_the_page_in_redis(tmp_path: Path, redis_url: str) -> None:
    """What one process loaded is a hit for the next, with the links and the validator, and what is left."""
    settings = settings_for(await catalogue(tmp_path), redis_url=redis_url, redis_wait_ms=3000)
    async with serving(settings) as first:
        loaded = await ask(first.port, "/products?limit=4")
        await first.app[keys.CACHE].close()
    async with serving(settings) as second:
        found = await ask(second.port, "/products?limit=4")
        again = await ask(second.port, "/products?limit=4")
    assert re.fullmatch(r"farmlokal; hit; ttl=\d+; detail=redis", found.headers["Cache-Status"])
    assert again.headers["Cache-Status"].endswith("detail=memory")
    for name in ("ETag", "Link"):
        assert loaded.headers[name] == found.headers[name]
    assert loaded.body == found.body
    assert max_age_s(loaded) >= max_age_s(found) >= max_age_s(again)


async def test_callers_of_one_load_share_it(service: Service) -> None:
    """Ten requests that meet one load ask the database once; nine of them say that they followed."""
    store = watch_store(service.app)
    store.gate = asyncio.Event()
    asking = [asyncio.create_task(ask(service.port, "/products?limit=7")) for _ in range(10)]
    await until(lambda: sum(one.in_progress for one in connections_of(service)) == 10)
    store.gate.set()
    answers = await asyncio.gather(*asking)
    said = sorted(answer.headers["Cache-Status"] for answer in answers)
    led, followed = "farmlokal; fwd=miss; stored", "farmlokal; fwd=miss; stored; collapsed"
    assert [led, *[followed] * 9] == said
    assert 1 == store.questions


async def test_links_lead_through_the_whole_catalogue_and_back(service: Service) -> None:
    """Following `next` from the first page shows every product once; `prev` gives the same pages in reverse."""
    target: str | None = "/products?category=fruits,milk,fish&category=eggs&sort=price&limit=2"
    pages = []
    while target is not None:
        answer = await ask(service.port, target)
        page = answer.json()["page"]
        offered = links(answer) if "Link" in answer.headers else {}
        cursors = {"next": page["next_cursor"], "prev": page["prev_cursor"]}
        assert {name for name, cursor in cursors.items() if cursor} == offered.keys()
        for name, link in offered.items():
            assert link.startswith("?category=")
            assert link.endswith(f"&cursor={cursors[name]}")
        pages.append(answer)
        target = urljoin("/products", offered["next"]) if "next" in offered else None
    shown = [product["id"] for answer in pages for product in answer.json()["data"]]
    assert len(shown) == len(set(shown))
    assert {number for number in range(1, PRODUCTS + 1) if number % 20 in (1, 12, 11, 14)} == set(shown)
    for earlier, later in reversed(list(pairwise(pages))):
        back = await ask(service.port, urljoin("/products", links(later)["prev"]))
        assert earlier.json()["data"] == back.json()["data"]


async def test_a_link_keeps_the_whole_question(service: Service) -> None:
    """The next page is of the same filters, sort and limit, whatever characters their values have."""
    for target in (
        "/products?district=pune&state=HIMACHAL+pradesh&limit=1",
        "/products?min_price=0.50&max_price=3.50&organic=true&sort=-rating&limit=1",
        "/products?in_stock=false&sort=name&limit=1",
        "/products?farm_id=1&limit=1",
    ):
        first = await ask(service.port, target)
        second = await ask(service.port, urljoin(target, links(first)["next"]))
        assert 200 == second.status, target
        assert first.json()["page"]["next_cursor"] in links(first)["next"]
        assert first.json()["data"] != second.json()["data"]


async def test_the_limit_may_change_along_a_cursor(service: Service) -> None:
    """A cursor belongs to filters and sort alone: the next page may be longer."""
    first = (await ask(service.port, "/products?sort=name&limit=2")).json()
    second = (await ask(service.port, f"/products?sort=name&limit=5&cursor={first['page']['next_cursor']}")).json()
    assert [f"Crop {number:03d}" for number in range(3, 8)] == [product["name"] for product in second["data"]]


@pytest.mark.parametrize("offered", ["a", "Z_9.-", "0" * 64])
async def test_a_harmless_request_id_is_kept(service: Service, offered: str) -> None:
    """The caller's id comes back with the answer, with a refusal as with a page."""
    for target in ("/products", "/products?limit=0"):
        answer = await ask(service.port, target, headers=f"X-Request-ID: {offered}\r\n")
        assert offered == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("offered", ["", "0" * 65, "a b", "a/b", "é", "<script>", '"', "a;b"])
async def test_any_other_request_id_is_replaced(service: Service, offered: str) -> None:
    """An id that could do harm in a log or a page is not repeated."""
    answer = await ask(service.port, "/products", headers=f"X-Request-ID: {offered}\r\n")
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-ID"])


async def test_head_is_get_without_the_body(service: Service) -> None:
    """HEAD gives the headers of the page, its length included, and nothing after them."""
    got = await ask(service.port, "/products")
    headed = await ask(service.port, "/products", method="HEAD")
    assert (200, b"") == (headed.status, headed.body)
    for name in ("ETag", "Link", "Content-Length", "Content-Type"):
        assert got.headers[name] == headed.headers[name]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("", "sort=-created_at&limit=20"),
        ("", "min_price=0"),
        ("", "min_price=0.00&limit=020"),
        ("", f"category={ALL_CATEGORIES}"),
        ("", "&&"),
        ("category=fruits,milk", "category=milk&category=fruits"),
        ("category=fruits,milk", "category=MILK,Fruits,milk,+fruits"),
        ("category=fruits", "category=%66ruits"),
        ("district=Pune&state=Maharashtra", "state=MAHARASHTRA&district=pune"),
        ("state=himachal+pradesh", "state=%20Himachal%20%20Pradesh+"),
        ("max_price=1", "max_price=1.0"),
        ("max_price=1", "max_price=01.00"),
        ("max_price=1", "max%5Fprice=1"),
        ("farm_id=3", "farm_id=003"),
        ("organic=true&in_stock=false", "in_stock=false&organic=true"),
    ],
)
async def test_two_spellings_share_one_entry(service: Service, one: str, other: str) -> None:
    """What one spelling of a question loaded is a hit for every other."""
    first = await ask(service.port, f"/products?{one}")
    second = await ask(service.port, f"/products?{other}")
    assert "farmlokal; fwd=miss; stored" == first.headers["Cache-Status"]
    assert second.headers["Cache-Status"].endswith("detail=memory")
    assert first.body == second.body
