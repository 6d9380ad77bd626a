"""The first answers: given before all is read that some questions need, and none of them is another for it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from farmlokal.catalog.planning import planner
from farmlokal.catalog.planning.planner import Planner
from farmlokal.catalog.reading import search_names
from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.web import keys
from tests.support.products import PRODUCTS, catalogue
from tests.support.service import open_database, serving, settings_for
from tests.support.waiting import until


async def test_words_wait_for_the_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where farms are many, pages are given before their names are known; a question in words waits for them.

    The process is ready when every question can be answered.
    """
    go_on, read = asyncio.Event(), SearchNames._read_places

    async def read_places(names: SearchNames, *, gradually: bool) -> None:
        await go_on.wait()
        await read(names, gradually=gradually)

    monkeypatch.setattr(search_names, "_FARMS_BEFORE_SERVING", 0)
    monkeypatch.setattr(SearchNames, "_read_places", read_places)
    async with serving(settings_for(await catalogue(tmp_path))) as service:
        async with service.client.get("/readyz") as answer:
            assert 503 == answer.status
        async with service.client.get("/products?limit=5") as answer:
            assert 5 == len((await answer.json())["data"])
        in_words = [asyncio.create_task(_page(service.client, f"/products?{name}=nashik")) for name in ("q", "%71")]
        completing = asyncio.create_task(_page(service.client, "/suggest?q=crop+00"))
        async with service.client.get("/products?limit=6") as answer:
            assert 6 == len((await answer.json())["data"])
        assert not any(one.done() for one in (*in_words, completing))
        go_on.set()
        for page in await asyncio.gather(*in_words):
            assert {"q": "", "filters": {"district": "nashik"}} == page["search"]
            assert {"Nashik"} == {one["district"] for one in page["data"]}
        assert (await completing)["data"]
        health = service.app[keys.HEALTH]
        await until(lambda: health.phase == "ready")


async def test_the_first_sample_is_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start draws few products, and the whole sample soon after; a catalogue with no more is not drawn again."""
    async with open_database(await catalogue(tmp_path)) as database:
        all_of_it = Planner(database)
        await all_of_it.start()
        assert (PRODUCTS, False) == (len(all_of_it.sample), all_of_it.is_first)
        monkeypatch.setattr(planner, "_FIRST_ROWS", 10)
        some = Planner(database)
        await some.start()
        assert (10, True) == (len(some.sample), some.is_first)
        await some.refresh()
        assert (PRODUCTS, False) == (len(some.sample), some.is_first)


async def _page(client: ClientSession, target: str) -> Any:
    async with client.get(target) as answer:
        return await answer.json()
