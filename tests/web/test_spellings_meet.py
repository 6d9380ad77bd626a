"""A place with joiners or odd blanks in it: shown as it came, and found by whatever spelling a client has."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from farmlokal.catalog.wire import parse_product
from tests.support.backends import on_every_backend
from tests.support.service import Service, fill, serving, settings_for

pytestmark = on_every_backend

# Marathi, Malayalam, Bengali; with U+00A0 and a farm of two words.
SATARA, SATARA_PLAIN = "सातार\u094d\u200dयाचा", "सातार\u094dयाचा"
THRISSUR, THRISSUR_PLAIN = "തൃശൂര\u0d4d\u200d", "തൃശൂര\u0d4d"
RATION, RATION_PLAIN = "র\u200d\u09cdযাশন\u00a0দোকান", "র\u09cdযাশন দোকান"
_ROWS = [
    {"external_id": "1", "name": SATARA, "district": SATARA, "state": "Maharashtra", "farm": RATION},
    {"external_id": "2", "name": SATARA_PLAIN, "district": SATARA_PLAIN, "state": "Maharashtra", "farm": RATION_PLAIN},
    {"external_id": "3", "name": THRISSUR, "district": THRISSUR, "state": "Kerala\u00a0State", "market": RATION},
]


@pytest.fixture
async def service(backend_url: str) -> AsyncIterator[Service]:
    """A service over a few products with and without joiners."""
    common = {"version": 1, "category": "vegetables\u200d", "price": "24.50", "unit": "किलो\u200c"}
    records = [parse_product({**common, **row}, source="feed") for row in _ROWS]
    await fill(backend_url, records)
    async with serving(settings_for(backend_url)) as running:
        yield running


async def listed(service: Service, query: str) -> list[dict[str, Any]]:
    """The products of the page that `query` asks for."""
    async with service.client.get(f"/products?sort=name&{query}") as answer:
        assert 200 == answer.status
        rows: list[dict[str, Any]] = (await answer.json())["data"]
        return rows


async def test_a_filter_finds_both_spellings_by_either(service: Service) -> None:
    """A district, with joiners or without, in the question or in the catalogue."""
    for asked in (SATARA, SATARA_PLAIN, f"\u00a0{SATARA}\u200d"):
        found = await listed(service, f"district={quote(asked)}")
        assert [SATARA, SATARA_PLAIN] == [row["district"] for row in found]
    for asked in (THRISSUR, THRISSUR_PLAIN):
        assert [THRISSUR] == [row["district"] for row in await listed(service, f"district={quote(asked)}")]
    for asked in ("kerala state", "KERALA\u2003STATE"):
        assert ["Kerala State"] == [row["state"] for row in await listed(service, f"state={quote(asked)}")]


async def test_what_is_shown_is_what_came(service: Service) -> None:
    """Joiners stay; odd blanks are blanks."""
    (row,) = await listed(service, f"district={quote(THRISSUR)}")
    shown = (row["name"], row["unit"], row["market"], row["category"])
    assert (THRISSUR, "किलो\u200c", RATION.replace("\u00a0", " "), "vegetables") == shown


async def test_a_farm_in_two_spellings_is_one(service: Service) -> None:
    """Both products name it, and its filter finds both."""
    farms = {row["farm"]["id"] for row in await listed(service, "state=Maharashtra")}
    (farm,) = farms
    assert 2 == len(await listed(service, f"farm_id={farm}"))


async def test_two_spellings_are_one_question(service: Service) -> None:
    """They share an entry of the cache, and so the bytes of the answer."""
    etags = set()
    for asked in (SATARA, SATARA_PLAIN):
        async with service.client.get(f"/products?district={quote(asked)}") as answer:
            etags.add(answer.headers["ETag"])
    assert 1 == len(etags)
