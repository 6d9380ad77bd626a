"""Why no `Age` is sent: with it, and the whole lifetime in `max-age`, most of these would keep a page for too long."""

import asyncio
import re
from pathlib import Path

import pytest

from farmlokal.caching.lookup import Lookup
from farmlokal.web.answers.representation import Freshness, cache_status
from tests.clients.asking import GZIP, Asker, askers
from tests.clients.origin import Origin, origin

pytestmark = pytest.mark.proof

LIFETIME_S = 6
# A cache gets the page late in its life, and is asked again when that is over.
GOT_AFTER_S, ASKED_AFTER_S = 4.6, 3.5
COUNTING = {"Varnish", "Squid", "Apache", "undici", "got"}


def with_age(_: Freshness, lookup: Lookup, now: float) -> dict[str, str]:
    """The caching headers of an origin that says how old a page is, and not what is left of it."""
    age_s = max(0, int(now - lookup.loaded_at))
    return {
        "Cache-Control": f"public, max-age={LIFETIME_S}, stale-while-revalidate=0",
        "Age": str(age_s),
        "Cache-Status": cache_status(lookup, now),
    }


async def counts(asker: Asker, first_limit: int, service: Origin) -> bool:
    """Whether it asks the service again for a page that was old when it came, and is too old now."""
    # Another page where a busy machine was too late for this one.
    for limit in range(first_limit, first_limit + 5):
        target = f"/products?sort=name&limit={limit}"
        await service.ask(target)
        await asyncio.sleep(GOT_AFTER_S)
        reading = await asker.get(target, GZIP)
        if not re.search("hit; ttl=[0-2];", reading.headers["Cache-Status"]):
            continue
        await asyncio.sleep(ASKED_AFTER_S)
        before = len(service.statuses(target))
        again = await asker.get(target, GZIP)
        # Later, one that does not count asks as well.
        if again.ended_s - reading.started_s < LIFETIME_S - 1:
            return len(service.statuses(target)) > before
    raise AssertionError("the machine is too busy for a page of six seconds")


async def test_most_caches_do_not_count_an_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They go on with a page whose `Age` and time with them are more than its `max-age`."""
    monkeypatch.setattr(Freshness, "headers", with_age)
    async with (
        # The hot path knows which headers differ from page to page, and this is none of them.
        origin(tmp_path, cache_ttl_s=LIFETIME_S, stale_s=0, hot_path="off") as service,
        askers(service.service.port, tmp_path) as every,
    ):
        found = await asyncio.gather(
            *(counts(asker, 5 + 5 * number, service) for number, asker in enumerate(every.values()))
        )
    assert {name for name, does in zip(every, found, strict=True) if does} == COUNTING
