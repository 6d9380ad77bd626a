"""`GET /places`, `GET /farms`, `GET /farms/{id}`, and the hints of pages that ask for what there is not."""

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urljoin

import pytest

from farmlokal.catalog.reading.directory_counts import DirectoryCounts
from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.web import keys
from tests.support.backends import on_every_backend
from tests.support.products import PRODUCTS, product
from tests.support.raw_requests import Answer, ask, problem
from tests.support.service import Service, open_database, serving, settings_for

PLACE = "must have 1 to 100 characters"
BEGINNING = "must have 1 to 100 characters, and a letter or a digit"

# A test that looks at what is not counted yet would meet a count otherwise.
pytestmark = pytest.mark.usefixtures("directory_uncounted")


class Directory:
    """A running service whose directory is counted, and a way to write to its catalogue as another process would."""

    def __init__(self, service: Service, url: str) -> None:
        self.service = service
        self.url = url

    async def ask(self, target: str, **how: Any) -> Answer:
        """The answer to a GET."""
        return await ask(self.service.port, target, **how)

    async def page(self, target: str) -> Any:
        """The content of a page that must be there."""
        answer = await self.ask(target)
        assert 200 == answer.status, answer.body
        return answer.json()

    async def write(self, *changes: ProductRecord | Deletion) -> None:
        """Write to the catalogue, and invalidate what that touched."""
        async with open_database(self.url) as database:
            applied = await ProductWriter(database).apply(list(changes))
        await self.service.app[keys.CACHE].invalidate({tag for one in applied for tag in one.tags})

    async def count(self) -> None:
        """Count as the background does."""
        async with open_database(self.url) as database:
            await DirectoryCounts(database, self.service.app[keys.CACHE]).count()


@pytest.fixture
async def directory(mysql_url: str, redis_url: str) -> AsyncIterator[Directory]:
    """The small catalogue on MariaDB, served with Redis."""
    async with open_database(mysql_url) as database:
        records = [product(number)._replace(market=f"Market {number % 4}") for number in range(1, PRODUCTS + 1)]
        await ProductWriter(database).apply(records)
    async with serving(settings_for(mysql_url, redis_url=redis_url)) as service:
        running = Directory(service, mysql_url)
        await running.count()
        yield running


async def test_what_there_is_to_filter_by_can_be_filtered_by(directory: Directory) -> None:
    """Each state, district and farm has as many products as the listing has of it."""
    total = 0
    for level, parameter in (("state", "state"), ("district", "district")):
        for place in (await directory.page(f"/places?level={level}&limit=100"))["data"]:
            question = {parameter: place["name"], **({"state": place["state"]} if place["state"] else {})}
            found = await directory.service.client.get("/products", params={**question, "limit": "100"})
            assert place["products"] == len((await found.json())["data"])
            total += place["products"]
    assert 2 * PRODUCTS == total
    for farm in (await directory.page("/farms?district=PUNE"))["data"]:
        listed = (await directory.page(f"/products?farm_id={farm['id']}&limit=100"))["data"]
        assert {(farm["name"], farm["district"], farm["state"])} == {
            (one["farm"]["name"], one["district"], one["state"]) for one in listed
        }
        assert farm["products"] == len(listed)
        assert farm == await directory.page(f"/farms/{farm['id']}")


async def test_pages_are_linked_cached_and_conditional(directory: Directory) -> None:
    """A walk by `Link` meets everything once; a page comes from memory the second time, and is not sent again."""
    target: str | None = "/places?level=market&limit=7"
    names: list[str] = []
    while target is not None:
        answer = await directory.ask(target)
        assert "farmlokal; fwd=miss; stored" == answer.headers["Cache-Status"]
        assert answer.headers["Cache-Control"].startswith("public, max-age=")
        names += [f"{one['state']} {one['district']} {one['name']}" for one in answer.json()["data"]]
        again = await directory.ask(target, headers=f"If-None-Match: {answer.headers['ETag']}\r\n")
        assert (304, b"") == (again.status, again.body)
        assert again.headers["Cache-Status"].endswith("detail=memory")
        following = re.search('<([^>]*)>; rel="next"', answer.headers.get("Link", ""))
        target = urljoin(target, following[1]) if following else None
    assert 12 == len(names) == len(set(names))


async def test_spellings_of_one_question_share_an_entry(directory: Directory) -> None:
    """Order, case, defaults and blanks make no difference; what trackers append is dropped."""
    for one, other in (
        ("/places", "/places?level=state&limit=20&utm_source=x"),
        ("/places?level=district&q=pu", "/places?q=+PU+&level=district"),
        ("/farms?district=pune&q=farm", "/farms?q=Farm&district=Pune&fbclid=1"),
    ):
        first, second = await directory.ask(one), await directory.ask(other)
        assert "farmlokal; fwd=miss; stored" == first.headers["Cache-Status"]
        assert second.headers["Cache-Status"].endswith("detail=memory")
        assert first.body == second.body


async def test_numbers_follow_the_count(directory: Directory) -> None:
    """After a write the next count changes the pages, and its invalidation is heard."""
    before = {one["name"]: one["products"] for one in (await directory.page("/places"))["data"]}
    await directory.write(replace_state(1, "Goa"), Deletion("test", "2", 2))
    assert before == {one["name"]: one["products"] for one in (await directory.page("/places"))["data"]}
    await directory.count()
    after = {one["name"]: one["products"] for one in (await directory.page("/places"))["data"]}
    expected = {"Goa": 1, "Himachal Pradesh": before["Himachal Pradesh"] - 1, "Maharashtra": before["Maharashtra"] - 1}
    assert expected == after


@on_every_backend
async def test_before_the_first_count_nothing_is_said(backend_url: str) -> None:
    """Products have places that nobody has counted: no empty page is given for them, nor kept once they are counted."""
    async with open_database(backend_url) as database:
        await ProductWriter(database).apply([product(number) for number in range(1, PRODUCTS + 1)])
    async with serving(settings_for(backend_url)) as service:
        for target in ("/places", "/farms", "/places?q=pu&level=district"):
            refused = await ask(service.port, target)
            assert 503 == refused.status
            assert "30" == refused.headers["Retry-After"]
            assert "being counted" in refused.json()["detail"]
        directory = Directory(service, backend_url)
        await directory.count()
        for target in ("/places", "/farms", "/places?q=pu&level=district"):
            assert [] != (await directory.page(target))["data"]
        assert [] == (await directory.page("/places?q=zzz"))["data"]


@on_every_backend
async def test_without_a_place_there_is_nothing_to_count(backend_url: str) -> None:
    """An empty catalogue, and one whose products have no place, have an empty page."""
    async with open_database(backend_url) as database, serving(settings_for(backend_url)) as service:
        directory = Directory(service, backend_url)
        assert [] == (await directory.page("/places"))["data"]
        nowhere = product(1)._replace(district=None, state=None, market=None, farm=None)
        await ProductWriter(database).apply([nowhere])
        assert [] == (await directory.page("/places?level=district"))["data"]


def replace_state(number: int, state: str) -> ProductRecord:
    """A product of the small catalogue that moved to another state."""
    return product(number)._replace(version=2, state=state)


WRONG = [
    (
        "/places?level=village&state=&q=...&limit=0&city=x",
        [
            ("level", "village", "must be one of state, district, market"),
            ("state", "", "must not be empty"),
            ("q", "...", BEGINNING),
            ("limit", "0", "must be between 1 and 100"),
            ("city", "x", "is not a parameter; these are: level, state, q, limit, cursor"),
        ],
    ),
    (
        f"/farms?district={'x' * 101}&district=b",
        [("district", f"{'x' * 80}…", "must be given once")],
    ),
    (f"/farms?district={'x' * 101}", [("district", f"{'x' * 80}…", PLACE)]),
    (
        "/farms?q=&cursor=abc",
        [
            ("q", "", "must not be empty"),
            ("cursor", "abc", "must be a next_cursor or prev_cursor of this service, unchanged"),
        ],
    ),
    ("/farms/0", [("id", "0", "must be between 1 and 9223372036854775807")]),
    ("/farms/1?limit=5", [("limit", "5", "is not a parameter here")]),
]


async def test_every_fault_is_told(directory: Directory, subtests: pytest.Subtests) -> None:
    """Wrong parameters are a 400 that lists all of them."""
    for target, faults in WRONG:
        with subtests.test(target=target[:40]):
            content = problem(await directory.ask(target), 400, "invalid-parameter")
            assert faults == [(one["parameter"], one["value"], one["detail"]) for one in content["errors"]]


async def test_a_cursor_belongs_to_its_list(directory: Directory) -> None:
    """That of another level, or of the listing, is refused; that of the same fits whatever the limit."""
    cursor = (await directory.page("/places?level=market&limit=5"))["page"]["next_cursor"]
    assert 3 == len((await directory.page(f"/places?level=market&limit=3&cursor={cursor}"))["data"])
    of_listing = (await directory.page("/products?limit=5"))["page"]["next_cursor"]
    for target in (f"/places?level=district&cursor={cursor}", f"/places?level=market&cursor={of_listing}"):
        content = problem(await directory.ask(target), 400, "invalid-parameter")
        assert "cursor must come from a page of the same level, state and q" == content["detail"]


async def test_no_farm_is_a_404(directory: Directory) -> None:
    """A number that no farm has is no farm."""
    assert "there is no farm 999" == problem(await directory.ask("/farms/999"), 404, "not-found")["detail"]


async def hints(directory: Directory, target: str) -> Any:
    """The hints of a page."""
    return (await directory.page(target)).get("hints")


async def test_what_no_product_has_ever_had_gets_a_hint(directory: Directory) -> None:
    """An unknown state, district or farm is an empty page that says so, with the value as it is compared."""
    answer = await directory.page("/products?state=Maharastra&district=NOWHERE&farm_id=999")
    assert [] == answer["data"]
    assert [
        {"parameter": "district", "value": "nowhere", "near": ["Nashik"]},
        {"parameter": "state", "value": "maharastra", "near": ["Maharashtra"]},
        {"parameter": "farm_id", "value": "999", "near": []},
    ] == sorted(answer["hints"], key=lambda hint: ("district", "state", "farm_id").index(hint["parameter"]))
    assert [{"parameter": "district", "value": "puna", "near": ["Pune"]}] == (
        await hints(directory, "/products?district=Pune&district=puna")
    )
    assert [{"parameter": "state", "value": "atlantis", "near": []}] == await hints(
        directory, "/places?level=district&state=Atlantis"
    )
    assert [{"parameter": "district", "value": "solun", "near": ["Solan"]}] == (
        await hints(directory, "/farms?district=Solun")
    )


async def test_what_there_is_or_was_gets_none(directory: Directory) -> None:
    """Neither a question that is empty for another reason, nor a place whose products are all gone, nor a cursor."""
    for target in (
        "/products?district=pune&min_price=1000",
        "/products?farm_id=1&min_price=1000",
        "/products?district=pune",
        "/products?category=milk",
        "/places?level=district&state=Maharashtra&q=zzz",
    ):
        assert await hints(directory, target) is None, target
    await directory.write(replace_state(1, "Goa"))
    await directory.write(Deletion("test", "1", 3))
    assert await hints(directory, "/products?state=goa") is None


async def test_a_value_that_is_born_is_known_at_once(directory: Directory) -> None:
    """The page that called it unknown is invalidated by the write."""
    assert ["goa"] == [hint["value"] for hint in await hints(directory, "/products?state=Goa")]
    await directory.write(replace_state(1, "Goa"))
    page = await directory.page("/products?state=Goa")
    assert (1, None) == (len(page["data"]), page.get("hints"))


async def test_a_hint_is_fresh_for_seconds(directory: Directory) -> None:
    """A product of another category may bring the value: it touches no tag of the page, which is never stale, then."""
    target = "state=Goa&category=milk"
    answer = await directory.ask(f"/products?{target}")
    max_age = re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])
    assert max_age is not None
    assert int(max_age[1]) <= 5
    app = directory.service.app
    lookup = await app[keys.CACHE].ask(app[keys.QUESTIONS].parse(target).question)
    assert lookup.value.negative
    assert lookup.fresh_until - lookup.loaded_at <= 5
