#!/usr/bin/env bash
# In five packages that let callers share one load, a caller who leaves ends the load of those who stay.
#
# Expected:  callers of one key wait for one load. One of them whose time is over (asyncio.timeout, a client that went
#            away, an AbortSignal) gets its own error, and the others get the value, or one of them loads it.
# Observed:  with cashews (@cache, early and soft, with the default protected=True) whoever leaves takes all others
#            along; with cachebox and lru-cache (fetch() with a signal) it is the caller that came first. Of those who
#            came later lru-cache does not look at the signals: they cannot leave at all. With the DataLoaders of
#            strawberry and aiodataloader it is any caller of the same key; in aiodataloader that key is then an error
#            for good. In Python those who stay get a CancelledError, though nobody cancelled them, which
#            "except Exception" lets through. One impatient caller of a hot key is so an outage for all who wait behind
#            it. async-lru does as expected.
# Versions:  cashews 7.6.0, cachebox 6.2.10, strawberry-graphql 0.341.2, aiodataloader 0.4.3, async-lru 2.4.0 (PyPI);
#            lru-cache 11.5.3 (npm)
# For us:    a load is a task of its own, and callers wait behind a shield: nobody's cancellation is another's
#            (docs/cache.md, "One load"; tests/caching/test_leaks.py).
# Source:    Python's documentation, "Coroutines and Tasks" (who awaits a task and is cancelled cancels it; shield());
#            isaacs/node-lru-cache issue 273 asked for the signal, and does not tell of other callers.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'cashews==7.6.0' 'cachebox==6.2.10' 'strawberry-graphql==0.341.2' \
  'aiodataloader==0.4.3' 'async-lru==2.4.0'
npm install --silent --no-audit --no-fund --prefix "$folder" 'lru-cache@11.5.3' >/dev/null

cd "$folder"
cat >ask.mjs <<'JAVASCRIPT'
import { LRUCache } from 'lru-cache'

const answers = {}
for (const leaving of [0, 1]) {
  let open
  const gate = new Promise((resolve) => { open = resolve })
  const cache = new LRUCache({ max: 10, fetchMethod: async () => { await gate; return 'page' } })
  const controllers = [0, 1, 2].map(() => new AbortController())
  const callers = controllers.map(({ signal }) => cache.fetch('key', { signal }))
  controllers[leaving].abort(new Error('left'))
  open()
  answers[leaving] = (await Promise.allSettled(callers)).map(({ value, reason }) => value ?? reason.message)
}
console.log(JSON.stringify(answers))
JAVASCRIPT

venv/bin/python - <<'PYTHON'
import asyncio
import json
import subprocess

import aiodataloader
import cachebox
import cashews
import strawberry.dataloader
from async_lru import alru_cache


def by_dataloader(loader_of):
    """A getter by a DataLoader; its batches have one key here."""

    def decorate(load):
        async def batch(keys):
            return [await load(key) for key in keys]

        loader = loader_of(batch)

        async def get(key):
            return await loader.load(key)

        return get

    return decorate


def by_cashews(kind):
    cache = cashews.Cache()
    cache.setup("mem://")
    return {"@cache": cache(ttl="1m"), "early": cache.early(ttl="1m"), "soft": cache.soft(ttl="1m")}[kind]


SHARING = {
    "cashews @cache": lambda: by_cashews("@cache"),
    "cashews early": lambda: by_cashews("early"),
    "cashews soft": lambda: by_cashews("soft"),
    "cachebox": lambda: cachebox.cached(cachebox.LRUCache(10)),
    "strawberry": lambda: by_dataloader(lambda batch: strawberry.dataloader.DataLoader(load_fn=batch)),
    "aiodataloader": lambda: by_dataloader(lambda batch: aiodataloader.DataLoader(batch_load_fn=batch)),
    "async-lru": lambda: alru_cache(),
}


async def ended(call):
    (outcome,) = await asyncio.gather(call, return_exceptions=True)
    return outcome if isinstance(outcome, str) else type(outcome).__name__


async def what_three_callers_get(share, leaving):
    """Three callers wait for one load, one of them leaves, and then the load comes to its end; a fourth comes later."""
    begun, gate = asyncio.Event(), asyncio.Event()

    async def load(key):
        begun.set()
        await gate.wait()
        return "page"

    get = share()(load)
    callers = [asyncio.create_task(get("key")) for _ in range(3)]
    await begun.wait()
    for _ in range(20):
        await asyncio.sleep(0)
    callers[leaving].cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    gate.set()
    outcomes = [await ended(caller) for caller in callers]
    assert outcomes.pop(leaving) == "CancelledError"
    return [*outcomes, await ended(get("key"))]


CANCELLED, SERVED = ["CancelledError", "CancelledError", "page"], ["page", "page", "page"]
FOR_GOOD = ["CancelledError"] * 3
expected = {name: {0: CANCELLED, 1: CANCELLED} for name in SHARING}
expected |= {"cachebox": {0: CANCELLED, 1: SERVED}, "async-lru": {0: SERVED, 1: SERVED}}
expected |= {"aiodataloader": {0: FOR_GOOD, 1: FOR_GOOD}}
seen = {
    name: {leaving: asyncio.run(what_three_callers_get(share, leaving)) for leaving in (0, 1)}
    for name, share in SHARING.items()
}
assert seen == expected, seen
for name, outcomes in seen.items():
    for leaving, (one, other, later) in outcomes.items():
        answers = f"the others get {one}, {other}, a later one {later}"
        print(f"as observed: {name}: caller {leaving + 1} of 3 leaves, {answers}")

by_node = json.loads(subprocess.run(["node", "ask.mjs"], check=True, stdout=subprocess.PIPE).stdout)
assert by_node == {"0": ["left", "left", "left"], "1": ["page", "page", "page"]}, by_node
for leaving, outcomes in by_node.items():
    print(f"as observed: lru-cache: the signal of caller {int(leaving) + 1} of 3 is aborted, the three get", *outcomes)
PYTHON
