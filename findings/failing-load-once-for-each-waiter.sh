#!/usr/bin/env bash
# Behind the stampede lock of four caches a load that fails is made once for each who waits, one after the other.
#
# Expected:  ten callers of one key that is not cached make one load. If it fails, all ten have its error: nothing is
#            gained by asking an origin that is down nine times more, and nobody waits longer than that one load takes.
# Observed:  dogpile.cache, cachetools (cached() with a condition) and bentocache make ten loads, one at a time: who is
#            woken finds nothing and tries by itself, the others still behind the lock. With a timeout of 5 s at the
#            origin the last of ten has its error after 50 s, the last of a hundred after eight minutes, and each is a
#            thread or a connection that waits so long. With aiocache's cached_stampede the nine others load all at
#            once, and so they do where a load brings None (no such product), which is not told from a miss. Caches
#            that share the load itself, and no lock, make one and give its error to all: async-lru, cache-manager,
#            p-memoize.
# Versions:  dogpile.cache 1.5.0, cachetools 8.0.2, aiocache 0.12.3, async-lru 2.4.0 (PyPI); bentocache 1.6.1,
#            cache-manager 7.2.9, p-memoize 9.0.0 (npm)
# For us:    callers of a key share the load, its error too (docs/cache.md, "One load"; tests/caching/test_leaks.py);
#            between processes, where a lease is such a lock, each tries once in turn. "No such product" is kept for 5 s.
# Source:    bitfaster/BitFaster.Caching pull request 477 tells of the same in a cache for .NET, and mends it; in the
#            documentation of these four it was not found.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'dogpile.cache==1.5.0' 'cachetools==8.0.2' 'aiocache==0.12.3' 'async-lru==2.4.0'
npm install --silent --no-audit --no-fund --prefix "$folder" \
  'bentocache@1.6.1' 'cache-manager@7.2.9' 'p-memoize@9.0.0' >/dev/null

cd "$folder"
cat >load.mjs <<'JAVASCRIPT'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { createCache } from 'cache-manager'
import pMemoize from 'p-memoize'

const sharing = {
  bentocache (load) {
    const cache = new BentoCache({ default: 'm', stores: { m: bentostore().useL1Layer(memoryDriver({})) } })
    return () => cache.getOrSet({ key: 'key', ttl: '1m', factory: load })
  },
  'cache-manager' (load) {
    const cache = createCache({ ttl: 60_000 })
    return () => cache.wrap('key', load)
  },
  'p-memoize': (load) => pMemoize(load)
}
const seen = {}
for (const [name, share] of Object.entries(sharing)) {
  for (const outcome of ['page', 'error']) {
    const of = { loads: 0, running: 0, most: 0 }
    const get = share(async () => {
      of.loads += 1
      of.most = Math.max(of.most, ++of.running)
      await new Promise((resolve) => setTimeout(resolve, 20))
      of.running -= 1
      if (outcome === 'error') throw new Error('the origin is down')
      return outcome
    })
    const answers = await Promise.allSettled(Array.from({ length: 10 }, () => get('key')))
    if (answers.some(({ status }) => (status === 'rejected') !== (outcome === 'error'))) throw new Error(name)
    ;(seen[name] ??= {})[outcome] = [of.loads, of.most]
  }
}
console.log(JSON.stringify(seen))
process.exit()
JAVASCRIPT

venv/bin/python - <<'PYTHON'
import asyncio
import json
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import aiocache
import cachetools
import dogpile.cache
from async_lru import alru_cache

CALLERS = 10


class Origin:
    """Counts its loads, and how many are made at the same time; each fails, or brings what it is to bring."""

    def __init__(self, outcome):
        self.outcome, self.loads, self.running, self.most, self.lock = outcome, 0, 0, 0, threading.Lock()

    def begun(self):
        with self.lock:
            self.loads, self.running = self.loads + 1, self.running + 1
            self.most = max(self.most, self.running)

    def ended(self):
        with self.lock:
            self.running -= 1
        if self.outcome == "error":
            raise ConnectionError("the origin is down")
        return self.outcome

    def load(self, key):
        self.begun()
        time.sleep(0.02)
        return self.ended()

    async def aload(self, key):
        self.begun()
        for _ in range(200):
            await asyncio.sleep(0)
        return self.ended()


def of_threads(share, outcome):
    origin = Origin(outcome)

    def load(key):
        return origin.load(key)

    get = share(load)
    with ThreadPoolExecutor(CALLERS) as pool:
        calls = [pool.submit(get, "key") for _ in range(CALLERS)]
    assert all((call.exception() is not None) is (outcome == "error") for call in calls)
    return [origin.loads, origin.most]


async def of_tasks(share, outcome):
    origin = Origin(outcome)

    async def load(key):
        return await origin.aload(key)

    get = share(load)
    answers = await asyncio.gather(*(get("key") for _ in range(CALLERS)), return_exceptions=True)
    assert all(isinstance(answer, ConnectionError) is (outcome == "error") for answer in answers)
    return [origin.loads, origin.most]


def by_dogpile(load):
    region = dogpile.cache.make_region().configure("dogpile.cache.memory", expiration_time=60)
    return region.cache_on_arguments()(load)


def by_cachetools(load):
    return cachetools.cached(cachetools.LRUCache(10), condition=threading.Condition())(load)


def by_aiocache(load):
    return aiocache.cached_stampede(lease=600)(load)


def by_async_lru(load):
    return alru_cache()(load)


OUTCOMES = ("page", "error", None)
seen = {
    name: {outcome: of_threads(share, outcome) for outcome in OUTCOMES}
    for name, share in {"dogpile.cache": by_dogpile, "cachetools": by_cachetools}.items()
}
seen |= {
    name: {outcome: asyncio.run(of_tasks(share, outcome)) for outcome in OUTCOMES}
    for name, share in {"aiocache": by_aiocache, "async-lru": by_async_lru}.items()
}
seen |= json.loads(subprocess.run(["node", "load.mjs"], check=True, stdout=subprocess.PIPE).stdout)
ONE, ONE_BY_ONE, ALL_AT_ONCE = [1, 1], [10, 1], [10, 9]
expected = {name: {"page": ONE, "error": ONE_BY_ONE, None: ONE} for name in ("dogpile.cache", "cachetools")}
expected |= {"aiocache": {"page": ONE, "error": ALL_AT_ONCE, None: ALL_AT_ONCE}}
expected |= {"async-lru": dict.fromkeys(OUTCOMES, ONE)}
expected |= {name: {"page": ONE, "error": ONE} for name in ("cache-manager", "p-memoize")}
expected |= {"bentocache": {"page": ONE, "error": ONE_BY_ONE}}
assert seen == expected, seen
for name, loads in seen.items():
    told = "; ".join(f"{outcome}: {made}, {most} at once" for outcome, (made, most) in loads.items())
    print(f"as observed: loads for ten callers by {name}: {told}")
PYTHON
