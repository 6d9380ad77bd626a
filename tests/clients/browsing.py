"""Browses through a cache as its users would: now and then, in bursts, in several codings, and asking again by tags."""

import asyncio
import random
import re
import time
from typing import NamedTuple

from tests.clients.asking import Asker, ProxyAsker, Reading
from tests.clients.origin import Origin

_CODINGS = ("gzip", "identity")
_AGAIN_SHARE = 0.4
_BURSTS = (1, 2, 4)
_PAUSE_MAX_S = 0.08
# A page that others asked for before is some seconds old when a cache gets it.
_OTHERS_SHARE = 0.5
# For how long a proxy that has said of no page that it is the same is asked on: a busy machine asks seldom.
_ASK_ON_MAX_S = 60.0


class Sight(NamedTuple):
    """A page that somebody was given, or was told to go on with. shown: the last write that it shows."""

    shown: int
    started_s: float


class Browsed(NamedTuple):
    """What was seen through one cache. slowest_s: its longest answer. faults: what should not have been there."""

    sights: list[Sight]
    slowest_s: float
    not_modified: int
    faults: list[str]


def faults_of(reading: Reading, coding: str, sent_tag: str | None) -> list[str]:
    """What is wrong with the headers of an answer to a request in `coding`, or with the tag that it sent.

    A 304 without any tag says nothing that is wrong; habits.py has who sends such.
    """
    tag, vary = reading.headers.get("ETag", ""), reading.headers.get("Vary", "")
    if reading.status == 304:
        return [] if tag in (sent_tag, "") else [f"a 304 with {tag} for {sent_tag}"]
    wrong = [] if "accept-encoding" in vary.lower() else [f"{reading.status} with Vary: {vary}"]
    given = reading.headers.get("Content-Encoding")
    of_coding = f"-{given}" if given else ""
    if not re.fullmatch(rf'"[0-9a-f]{{32}}{of_coding}"', tag):
        wrong.append(f"ETag {tag} of a page in {given}")
    return wrong + ([] if given in (coding, None) else [f"{given} for who asked for {coding}"])


async def browse(asker: Asker, target: str, origin: Origin, *, until_s: float, pause_s: float, seed: str) -> Browsed:
    """Ask for the page at `target` until `until_s` of the monotonic clock. pause_s: the longest between two bursts.

    A proxy's client keeps the tags that it got, one for each coding, and asks by them; others do that by themselves. It
    goes on past `until_s` where it was never told that a page is the same.
    """
    draw = random.Random(seed)
    proxy = isinstance(asker, ProxyAsker)
    sights, faults, not_modified, slowest_s = [], [], 0, 0.0
    kept: dict[str, tuple[str, int]] = {}
    while (now_s := time.monotonic()) < until_s or (proxy and not not_modified and now_s < until_s + _ASK_ON_MAX_S):
        if draw.random() < _OTHERS_SHARE:
            await origin.ask(target)
        for _ in range(draw.choice(_BURSTS)):
            coding = draw.choice(_CODINGS)
            tag, known = kept.get(coding, (None, 0)) if proxy and draw.random() < _AGAIN_SHARE else (None, 0)
            headers = {"Accept-Encoding": coding} | ({"If-None-Match": tag} if tag is not None else {})
            reading = await asker.get(target, headers)
            slowest_s = max(slowest_s, reading.ended_s - reading.started_s)
            if reading.status not in ((200, 304) if tag is not None else (200,)):
                faults.append(f"{reading.status}: {reading.body}")
                continue
            faults += faults_of(reading, coding, tag) if proxy else []
            not_modified += reading.status == 304
            shown = known if reading.status == 304 else reading.shown
            kept[coding] = reading.headers.get("ETag", ""), shown
            sights.append(Sight(shown, reading.started_s))
            await asyncio.sleep(draw.uniform(0, _PAUSE_MAX_S))
        await asyncio.sleep(draw.uniform(0, pause_s))
    return Browsed(sights, slowest_s, not_modified, faults)
