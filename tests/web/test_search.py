"""Search over HTTP: every spelling is one entry, cursors keep what was understood, suggestions come from memory."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.search.vocabulary import Name
from farmlokal.catalog.writing.name_counts import count_names
from farmlokal.catalog.writing.writer import ProductWriter
from farmlokal.web import keys
from tests.support.service import Service, open_database, serving, settings_for, sqlite_url
from tests.web.watched_store import watch_store

SPELLINGS = ("tomato", "TOMATO", "tamatar", "टमाटर", "தக்காளி", "tomatto")
_NAMES = ("Tomato (Hybrid)", "Tomato (Desi)", "Okra (Local)", "Onion (Nashik Red)", "Cherry Tomato")


def product(number: int) -> ProductRecord:
    """Product `number`: names and districts take turns."""
    return ProductRecord(
        source="test",
        external_id=str(number),
        version=1,
        name=_NAMES[number % len(_NAMES)],
        category="vegetables",
        price_paise=100 * number,
        unit="kg",
        district=("Pune", "Satara")[number % 2],
        created_at=f"2026-11-{1 + number % 20:02d}T10:15:00Z",
    )


@pytest.fixture(params=["on", "off"])
async def service(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Service]:
    """A service over a few products, with the hot path and without."""
    url = sqlite_url(tmp_path)
    async with open_database(url) as database:
        await ProductWriter(database).apply([product(number) for number in range(40)])
        await count_names(database)
    async with serving(settings_for(url, hot_path=request.param)) as running:
        yield running


async def ask(service: Service, target: str) -> tuple[int, str | None, dict[str, Any]]:
    """Status, ETag and body of the answer to `target`."""
    async with service.client.get(target) as answer:
        return answer.status, answer.headers.get("ETag"), await answer.json(content_type=None)


async def test_every_spelling_is_one_answer(service: Service) -> None:
    """Scripts, cases, aliases and slips of one question have the same bytes, and say what was understood."""
    answers = [await ask(service, f"/products?q={quote(text)}") for text in SPELLINGS]
    assert 1 == len({etag for _, etag, _ in answers})
    assert {"q": "tomato", "filters": {}} == answers[0][2]["search"]
    assert {"Tomato (Hybrid)", "Tomato (Desi)"} == {row["name"] for row in answers[0][2]["data"][:16]}


async def test_one_load_for_ten_thousand(service: Service) -> None:
    """Callers who spell one question in six ways wait for one load."""
    store = watch_store(service.app)
    questions, cache = service.app[keys.QUESTIONS], service.app[keys.CACHE]
    asked = [questions.parse(f"sort=price&q={quote(text)}").question for text in SPELLINGS]
    lookups = await asyncio.gather(*(cache.ask(asked[number % len(asked)]) for number in range(10_000)))
    assert (1, 1) == (store.questions, len({lookup.value.etag for lookup in lookups}))


async def test_nothing_asks_no_database(service: Service) -> None:
    """What no name has is an empty page, with what comes close to it, and without a statement."""
    store = watch_store(service.app)
    status, _, body = await ask(service, "/products?q=okra+xyzzy")
    assert (200, [], 0) == (status, body["data"], store.questions)
    assert {"q": "okra xyzzy", "filters": {}, "suggestions": ["Okra"]} == body["search"]


@pytest.mark.parametrize("text", ["tomatto", "tomato"])
async def test_walk(service: Service, text: str) -> None:
    """A cursor goes with the words as they were sent, and with those that were understood; not with others."""
    _, _, first = await ask(service, "/products?q=tomatto&limit=5")
    cursor = first["page"]["next_cursor"]
    status, _, second = await ask(service, f"/products?q={text}&limit=5&cursor={cursor}")
    assert 200 == status
    assert not {row["id"] for row in first["data"]} & {row["id"] for row in second["data"]}
    refused, _, problem = await ask(service, f"/products?q=okra&cursor={cursor}")
    assert (400, "q") == (refused, problem["errors"][0]["parameter"])
    refused, _, problem = await ask(service, f"/products?cursor={cursor}")
    assert (400, "cursor") == (refused, problem["errors"][0]["parameter"])


async def test_places(service: Service) -> None:
    """A word that is a district becomes that filter, also along a walk; beside another district nothing is found."""
    _, _, body = await ask(service, "/products?q=tomato+pune&limit=3")
    assert {"q": "tomato", "filters": {"district": "pune"}} == body["search"]
    assert {"Pune"} == {row["district"] for row in body["data"]}
    for asked in ("q=tomato+pune", "q=pune+tomato&district=Pune", "district=PUNE&q=tomato"):
        status, _, page = await ask(service, f"/products?{asked}&limit=3&cursor={body['page']['next_cursor']}")
        assert (200, {"Pune"}) == (status, {row["district"] for row in page["data"]})
    _, _, nothing = await ask(service, "/products?q=tomato+pune&district=Satara")
    assert [] == nothing["data"]


async def test_a_name_that_is_born_is_heard_of(service: Service) -> None:
    """After a write with a new name, its words are understood as they are; before, they were a slip."""
    _, _, before = await ask(service, "/products?q=tomatto")
    assert "tomato" == before["search"]["q"]
    writer = ProductWriter(service.app[keys.SEARCH_NAMES]._database)
    (applied,) = await writer.apply([product(100)._replace(name="Tomatto")])
    await service.app[keys.CACHE].invalidate(applied.tags)
    names = service.app[keys.SEARCH_NAMES]
    await names.catch_up()
    _, _, after = await ask(service, "/products?q=tomatto")
    assert ("tomatto", ["Tomatto"]) == (after["search"]["q"], [row["name"] for row in after["data"]])


async def test_suggestions(service: Service) -> None:
    """What is being typed is completed from memory: what is sold, then its varieties; in any script."""
    store = watch_store(service.app)
    for text in ("tom", "tama", "टमा"):
        status, _, body = await ask(service, f"/suggest?q={quote(text)}&limit=2")
        assert (200, "Tomato", "commodity") == (status, body["data"][0]["text"], body["data"][0]["kind"])
    _, etag, body = await ask(service, "/suggest?q=tomato&limit=4")
    assert ["Tomato", "Cherry Tomato", "Tomato (Desi)", "Tomato (Hybrid)"] == [one["text"] for one in body["data"]]
    assert etag == (await ask(service, "/suggest?limit=4&q=+TOMATO+"))[1]
    assert 0 == store.questions


@pytest.mark.parametrize("query", ["", "q=", "q=...", "limit=3", "q=a&limit=11", "q=a&sort=name"])
async def test_suggest_refuses(service: Service, query: str) -> None:
    """Wrong parameters are refused by name."""
    status, _, body = await ask(service, f"/suggest?{query}")
    assert (400, True) == (status, bool(body["errors"]))


async def test_too_many_names(service: Service) -> None:
    """Words that find too many names are refused with what to add."""
    names = service.app[keys.SEARCH_NAMES]
    for _ in names.index.adding(Name(number, f"Apple {number}", "fruits", 1) for number in range(1000, 2000)):
        pass
    names.index.changed()
    status, _, body = await ask(service, "/products?q=app")
    detail = "finds 1000 names, more than 900: add a word, a letter or a category"
    assert (400, [{"parameter": "q", "value": "app", "detail": detail}]) == (status, body["errors"])
