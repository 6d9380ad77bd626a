"""`near`, `radius_km`, `sort=distance` over HTTP: distances, echo, one spelling, the cache, an upgrade under way."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from farmlokal.catalog.places import EARTH_RADIUS_KM
from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.writing.mending import BATCHES, Mending
from farmlokal.database.schema import contract_schema, create_schema
from tests.database.upgrading import make_first_version
from tests.support.backends import database_on
from tests.support.raw_requests import ask
from tests.support.service import Service, fill, serving, settings_for, sqlite_url

DEGREE_KM = EARTH_RADIUS_KM * 3.141592653589793 / 180
# So far north of Pune, in degrees, and what each costs.
NORTH = {"at home": 0.0, "a village on": 0.05, "the next town": 0.5, "the next state": 5.0}
HOME = (18.52, 73.857)


def records() -> list[ProductRecord]:
    """Okra from here to the next state, and some that has no place."""
    placed = [
        ProductRecord("test", name, 1, name, "vegetables", 100 - number, "kg", lat=HOME[0] + north, lon=HOME[1])
        for number, (name, north) in enumerate(NORTH.items())
    ]
    return [*placed, ProductRecord("test", "nowhere", 1, "nowhere", "vegetables", 1, "kg")]


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service with these few products."""
    await fill(sqlite_url(tmp_path), records())
    async with serving(settings_for(sqlite_url(tmp_path))) as running:
        yield running


async def page(service: Service, query: str) -> dict[str, Any]:
    """The decoded page that `query` asks for."""
    answer = await ask(service.port, f"/products?{query}")
    assert 200 == answer.status
    decoded: dict[str, Any] = answer.json()
    return decoded


async def test_what_is_near_comes_first_and_says_how_far_it_is(service: Service) -> None:
    """Every product with a place, nearest first, with kilometres on the sphere; the point asked for is echoed."""
    found = await page(service, "near=18.52,73.857")
    assert list(NORTH) == [product["name"] for product in found["data"]]
    for product in found["data"]:
        assert product["distance_km"] == pytest.approx(NORTH[product["name"]] * DEGREE_KM, abs=0.002)
    assert "18.52,73.857" == found["page"]["near"]


async def test_a_radius_leaves_out_what_is_beyond(service: Service) -> None:
    """Within 10 and 100 km there are two and three; the other orders have distances, too."""
    assert ["at home", "a village on"] == [
        one["name"] for one in (await page(service, "near=18.52,73.857&radius_km=10"))["data"]
    ]
    by_price = await page(service, "near=18.52,73.857&radius_km=100&sort=price")
    assert ["the next town", "a village on", "at home"] == [one["name"] for one in by_price["data"]]
    assert all("distance_km" in one for one in by_price["data"])


async def test_a_page_without_a_place_says_nothing_of_distances(service: Service) -> None:
    """Neither its products nor the page have more than before, and products without a place are on it."""
    found = await page(service, "sort=price")
    assert 5 == len(found["data"])
    assert not any("distance_km" in one for one in found["data"])
    assert "near" not in found["page"]


async def test_every_spelling_of_a_point_is_one_entry(service: Service) -> None:
    """Rounded half-even to three decimals, zeros dropped, the default order left out: one load, the same bytes."""
    spellings = (
        "near=18.52,73.857",
        "near=18.5200,73.8570&sort=distance",
        "sort=distance&near=018.5204999,73.8565001",
        "near=18.5205,73.8565&radius_km=500",
    )
    first = await ask(service.port, f"/products?{spellings[0]}")
    assert "fwd=miss" in first.headers["Cache-Status"]
    for spelling in spellings[1:3]:
        answer = await ask(service.port, f"/products?{spelling}")
        assert "hit" in answer.headers["Cache-Status"]
        assert (first.headers["ETag"], first.body) == (answer.headers["ETag"], answer.body)
    # 18.5205 is as far from 18.520 as from 18.521: the even one it is, and 73.8565 is 73.856.
    assert "18.52,73.856" == (await page(service, spellings[3]))["page"]["near"]
    newest = await ask(service.port, "/products?near=18.52,73.857&sort=-created_at")
    assert "fwd=miss" in newest.headers["Cache-Status"]


async def test_the_date_line_and_the_poles_have_one_name(service: Service) -> None:
    """180° is echoed for either side, a pole without a longitude, and zero without a sign."""
    for asked, echoed in (("0,-180", "0,180"), ("-90,123.4", "-90,0"), ("-0.0004,-0", "0,0"), ("10,-180.0", "10,180")):
        assert echoed == (await page(service, f"near={asked}"))["page"]["near"]


async def test_links_and_cursors_keep_the_place(service: Service) -> None:
    """Following next and back again meets the same pages; a cursor of another place or radius is a 400."""
    first = await ask(service.port, "/products?near=18.52,73.857&limit=3")
    cursor = first.json()["page"]["next_cursor"]
    assert f'<?near=18.52,73.857&limit=3&cursor={cursor}>; rel="next"' == first.headers["Link"]
    second = await page(service, f"near=18.52,73.857&limit=3&cursor={cursor}")
    assert ["the next state"] == [one["name"] for one in second["data"]]
    back = await page(service, f"near=18.52,73.857&limit=3&cursor={second['page']['prev_cursor']}")
    assert first.json()["data"] == back["data"]
    for other in (
        "near=18.521,73.857",
        "near=18.52,73.857&radius_km=500",
        "near=18.52,73.857&sort=price",
        "sort=price",
    ):
        answer = await ask(service.port, f"/products?{other}&cursor={cursor}")
        assert 400 == answer.status
        assert "must come from a page of the same filters and sort" in answer.json()["detail"]


async def test_until_an_upgrade_is_through_it_is_503(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the release before, near is a 503 that says why until one pass is done; then it knows what that wrote."""
    passing, done, pass_over = asyncio.Event(), asyncio.Event(), Mending.pass_over

    async def held_up(mending: Mending) -> None:
        await passing.wait()
        await pass_over(mending)
        done.set()

    monkeypatch.setattr(Mending, "pass_over", held_up)
    url = sqlite_url(tmp_path)
    async with database_on(url) as database:
        await make_first_version(database, products=3)
        await create_schema(database, batches=BATCHES)
        await database.run_script(["UPDATE products SET lat = 18.52, lon = 73.857, version = version + 1"])
        async with serving(settings_for(url)) as service:
            refused = await ask(service.port, "/products?near=18.52,73.857")
            assert (503, "30") == (refused.status, refused.headers["Retry-After"])
            assert "/problems/unavailable" == refused.json()["type"]
            assert "the catalogue is being upgraded" in refused.json()["detail"]
            assert 3 == len((await page(service, "sort=name"))["data"])
            passing.set()
            await done.wait()
            found = await page(service, "near=18.52,73.857")
            assert [0.0] * 3 == [round(one["distance_km"], 2) for one in found["data"]]
        await contract_schema(database, batches=BATCHES)
    async with serving(settings_for(url)) as service:
        assert 3 == len((await page(service, "near=18.52,73.857"))["data"])
