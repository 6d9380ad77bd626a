"""The origin dead under load: what was ever cached and is still kept is served as stale, the rest is a 503; no herd."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.errors import DatabaseUnavailable
from farmlokal.web import keys
from tests.support.log_lines import at_level, logged
from tests.support.products import catalogue
from tests.support.raw_requests import ask
from tests.support.service import Service, serving, settings_for

CLIENTS = 8
KNOWN = [f"/products?limit={number}" for number in range(1, 31)]
ORIGIN_LOADS = 4
TTL_S = 2


class SwitchedStore(ProductStore):
    """The real store, with a switch: it counts what it is asked, and how much of that at once."""

    dead = False
    questions = 0
    at_once = 0
    most_at_once = 0

    async def page(self, query: ListingQuery) -> Any:
        """See ProductStore.page."""
        self.questions += 1
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.01)
            if self.dead:
                raise DatabaseUnavailable("the database was switched off")
            return await super().page(query)
        finally:
            self.at_once -= 1


def switch(service: Service) -> SwitchedStore:
    """Put the switch before the running service's store."""
    listing = service.app[keys.LISTING]
    listing._store = store = SwitchedStore(listing._store._database)
    return store


def kind(status: int, cache_status: str) -> str:
    """What sort of answer it is."""
    return f"{status} {cache_status.removeprefix('farmlokal; ').partition(';')[0]}".strip()


async def load(service: Service, duration_s: float) -> Counter[str]:
    """Requests for known pages, and every tenth for one that nobody has seen; the kinds of their answers.

    For so long, or for longer where a busy machine is slow to give a hundred answers to each client.
    """
    seen: Counter[str] = Counter()
    end = time.monotonic() + duration_s

    async def client(first: int) -> None:
        count = first
        while time.monotonic() < end or count < first + 100 * CLIENTS:
            count += CLIENTS
            known = (count // CLIENTS) % 10 != 0
            target = KNOWN[count % len(KNOWN)] if known else f"/products?min_price={time.monotonic_ns() % 10**9}"
            answer = await ask(service.port, target)
            name = "known" if known else "new"
            seen[f"{name} {kind(answer.status, answer.headers.get('Cache-Status', ''))}"] += 1
            if answer.status == 503:
                assert "application/problem+json" == answer.headers["Content-Type"]
                assert int(answer.headers["Retry-After"]) >= 1
            await asyncio.sleep(0.01)

    await asyncio.gather(*(client(first) for first in range(CLIENTS)))
    return seen


# The switch is the store's: the count of the directory, which is a load as well, would still find its origin.
@pytest.mark.usefixtures("directory_uncounted")
@pytest.mark.parametrize("dead_s", [3, pytest.param(60, marks=pytest.mark.proof)])
async def test_a_dead_origin(tmp_path: Path, redis_url: str, dead_s: float) -> None:
    """Known pages go on being served and say that they are stale; others are refused; the return is no stampede."""
    settings = settings_for(
        await catalogue(tmp_path), redis_url=redis_url, redis_wait_ms=3000, cache_ttl_s=TTL_S, origin_loads=ORIGIN_LOADS
    )
    with logged() as events:
        async with serving(settings) as service:
            store = switch(service)
            for target in KNOWN:
                assert 200 == (await ask(service.port, target)).status
            store.dead = True
            await asyncio.sleep(TTL_S * 1.2)
            store.questions, died_at = 0, time.monotonic()
            while_dead = await load(service, dead_s)
            dead_s = time.monotonic() - died_at
            asked_while_dead = store.questions
            store.dead, store.questions, store.most_at_once = False, 0, 0
            afterwards = await load(service, 3)
            last = [await ask(service.port, target) for target in KNOWN]
    answered = {name for name in while_dead if name.startswith("known")}
    assert answered <= {"known 200 hit", "known 200 fwd=stale"}
    assert while_dead["known 200 fwd=stale"] > 10 * while_dead["known 200 hit"]
    assert {"new 503"} == {name for name in while_dead if name.startswith("new")}
    # One try a second for each page, and one for each request that has nothing else.
    assert asked_while_dead < len(KNOWN) * (dead_s * 2 + 2) + while_dead["new 503"]
    assert store.most_at_once <= ORIGIN_LOADS
    assert {200} == {answer.status for answer in last}
    assert all("fwd=stale" not in answer.headers["Cache-Status"] for answer in last)
    assert "new 200 fwd=miss" in afterwards
    said = [event["event"] for event in at_level(events, "warning", "info") if "origin" in event["event"]]
    assert ["the origin does not answer: serving what is kept", "the origin answers again"] == said
