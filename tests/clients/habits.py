"""What a cache does besides being fresh, seen by asking it; in the words of the table in docs/clients.md."""

import asyncio
import time
from typing import NamedTuple

from tests.clients.asking import GZIP, Asker, ProxyAsker, Reading
from tests.clients.origin import Origin
from tests.support.waiting import until

APART, MIXED = "apart", "mixed"
WITH_TAG, BARE, NONE = "with `ETag`, `Vary`", "bare", "not asked"
ASKS, FETCHES, NEVER = "asks by `ETag`", "fetches anew", "never asks"
NOT_AT_ALL, AS_TOLD, WITHOUT_END = "not at all", "as told", "without end"
_POLL_S = 0.4
_ASK_AGAIN_S = 0.1
_PAST_IT_S = 3.0
_TRIES = 3
_BEHIND_MAX_S = 5
_KEPT_MAX_S = 30


class Lives(NamedTuple):
    """How long the pages of a service live: fresh, give or take a tenth, and stale."""

    ttl_s: float
    stale_s: float

    @property
    def fresh_max_s(self) -> float:
        """The longest that one may be called fresh by a cache that counts in whole seconds."""
        return self.ttl_s * 1.1 + 1

    @property
    def told_s(self) -> tuple[float, float]:
        """The earliest and the latest end of what is told of a page: what is left is said in whole seconds."""
        return self.ttl_s * 0.9 + self.stale_s - 2, self.fresh_max_s + self.stale_s


# Whole seconds are told of what is left of a page, and a cache that counts from its `Date`, in whole seconds too, may
# take another one off on a busy machine: undici keeps nothing of which it thinks that no time is left.
OF_OUTAGES = Lives(4, 10)
OF_COPIES = Lives(4, 30)


async def codings(asker: Asker, target: str) -> str:
    """Whether each client gets a form that it asked for, whoever asked before."""
    forms = ("gzip", "", "zstd", "", "gzip") if isinstance(asker, ProxyAsker) else ("gzip", "identity", "gzip")
    for form in forms:
        reading = await asker.get(target, {"Accept-Encoding": form} if form else {})
        assert reading.status == 200, reading
        if reading.headers.get("Content-Encoding") not in (form, None):
            return MIXED
    return APART


async def not_modified(asker: Asker, target: str, origin: Origin) -> str:
    """What a proxy's own 304 says to a client that asks by the tag of the form that it has."""
    if not isinstance(asker, ProxyAsker):
        return NONE
    tag = (await asker.get(target, GZIP)).headers["ETag"]
    same = await own_copy(asker, target, origin, GZIP | {"If-None-Match": tag})
    assert same.status == 304, same
    said = same.headers.get("ETag"), same.headers.get("Vary", "").lower()
    if said == (None, ""):
        return BARE
    assert said == (tag, "accept-encoding"), said
    return WITH_TAG


async def own_copy(asker: Asker, target: str, origin: Origin, headers: dict[str, str] = GZIP) -> Reading:
    """What it answers without asking the service, whose page may have less than a second left."""
    async with asyncio.timeout(_KEPT_MAX_S):
        while True:
            await asker.get(target, GZIP)
            before = len(origin.statuses(target))
            reading = await asker.get(target, headers)
            if len(origin.statuses(target)) == before:
                return reading
            await asyncio.sleep(_ASK_AGAIN_S)


async def over(asker: Asker, target: str, origin: Origin, lives: Lives) -> str:
    """How it gets a page whose time is over, and which has not changed.

    Of several tries: a busy machine may hold one up in which it would have asked by its copy's tag.
    """
    await own_copy(asker, target, origin)
    for _ in range(_TRIES):
        await asyncio.sleep(lives.fresh_max_s + 0.2)
        before = len(origin.statuses(target))
        reading = await asker.get(target, GZIP)
        assert reading.status == 200, reading
        try:
            # Behind the answer, where it may give a stale one.
            await until(lambda: len(origin.statuses(target)) > before, _BEHIND_MAX_S)  # noqa: B023
        except TimeoutError:
            return NEVER
        if 304 in origin.statuses(target)[before:]:
            return ASKS
    return FETCHES


async def bridges(asker: Asker, target: str, primed: Reading, lives: Lives) -> str:
    """How long it gives its copy of `primed` while there is no page to be had. Raises AssertionError for between."""
    earliest_s, latest_s = lives.told_s
    given_s = gap_s = 0.0
    failed, asked_s = False, primed.ended_s
    while time.monotonic() - primed.ended_s < latest_s + _PAST_IT_S:
        reading = await asker.get(target, GZIP)
        if not failed:
            # From one that was given to the next: _POLL_S and its answer, or longer on a busy machine.
            gap_s = max(gap_s, reading.started_s - asked_s)
        failed, asked_s = reading.status != 200, reading.started_s
        if not failed:
            given_s = reading.started_s - primed.ended_s
        await asyncio.sleep(_POLL_S)
    if not failed and given_s > latest_s:
        return WITHOUT_END
    if given_s <= lives.fresh_max_s + gap_s:
        return NOT_AT_ALL
    assert earliest_s - gap_s <= given_s <= latest_s + gap_s, given_s
    return AS_TOLD
