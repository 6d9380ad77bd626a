#!/usr/bin/env bash
# While the database is down cacheable's wrap() and getOrSet() bring `undefined`, which stands for "no such product".
#
# Expected:  a load that throws is an error for who asked, as it was before a cache was put around it. Where errors are
#            kept they are thrown again.
# Observed:  Cacheable's wrap() and getOrSet() fulfil their promise with undefined, for all who wait for the load. The
#            error is emitted as an event of the cache, and is nowhere if nobody listens. Code that answers 404 where
#            there is no product says of every product that there is none, and pages that say so are kept by caches and
#            forgotten by crawlers. wrap() takes the option throwErrors and pays no heed to it; getOrSet() does. With
#            cacheErrors the first callers get undefined and the later ones the error itself as the value, which is
#            true in an `if`. cacheError, as the README spells the option, does nothing. With cache-manager, by the same
#            makers, bentocache and p-memoize the error arrives.
# Versions:  cacheable 2.5.0, cache-manager 7.2.9, bentocache 1.6.1, p-memoize 9.0.0 (npm)
# For us:    a failed load is an error for each who waits, is kept nowhere (docs/cache.md, "One load";
#            tests/caching/test_read_through.py), and is a 503, never a 404 (tests/web/test_dependencies_away.py).
# Source:    cacheable's README says that wrap() "will return the error", and of getOrSet() the options' names alone;
#            the default stands in the README of @cacheable/memory. jaredwray/cacheable issue 1147 asks that wrap()
#            throw, and is told that this did not work out; issue 1554 is about getOrSet().
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" \
  'cacheable@2.5.0' 'cache-manager@7.2.9' 'bentocache@1.6.1' 'p-memoize@9.0.0' >/dev/null

cd "$folder"
cat >outage.mjs <<'JAVASCRIPT'
import assert from 'node:assert/strict'
import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { createCache } from 'cache-manager'
import { Cacheable } from 'cacheable'
import pMemoize from 'p-memoize'

let loads = 0
let emitted = 0
async function load () {
  loads += 1
  await new Promise((resolve) => setTimeout(resolve, 5))
  throw new Error('the database is down')
}

function wrapped (options) {
  const cache = new Cacheable()
  cache.on('error', () => { emitted += 1 })
  return cache.wrap(load, { ttl: '1m', keyPrefix: 'product', ...options })
}

function gotOrSet (options) {
  const cache = new Cacheable()
  return () => cache.getOrSet('product', load, { ttl: '1m', ...options })
}

function byBentocache () {
  const cache = new BentoCache({ default: 'm', stores: { m: bentostore().useL1Layer(memoryDriver({})) } })
  return () => cache.getOrSet({ key: 'product', ttl: '1m', factory: load })
}

function byCacheManager () {
  const cache = createCache({ ttl: 60_000 })
  return () => cache.wrap('product', load)
}

const told = ({ status, value }) => status === 'rejected' ? 'throws' : value instanceof Error ? 'an Error' : `${value}`

// What two callers at once get, and one after them.
async function answers (get) {
  loads = emitted = 0
  const [one, two] = await Promise.allSettled([get(), get()])
  const [three] = await Promise.allSettled([get()])
  return [one, two, three].map(told).join(', ')
}

const seen = {
  'cacheable wrap': await answers(wrapped()),
  'its events': emitted,
  'its loads': loads,
  'cacheable wrap, throwErrors': await answers(wrapped({ throwErrors: true })),
  'cacheable wrap, cacheError': await answers(wrapped({ cacheError: true })),
  'cacheable wrap, cacheErrors': await answers(wrapped({ cacheErrors: true })),
  'cacheable getOrSet': await answers(gotOrSet()),
  'cacheable getOrSet, cacheErrors': await answers(gotOrSet({ cacheErrors: true })),
  'cacheable getOrSet, throwErrors': await answers(gotOrSet({ throwErrors: true })),
  'cache-manager': await answers(byCacheManager()),
  bentocache: await answers(byBentocache()),
  'p-memoize': await answers(pMemoize(load))
}
const NOTHING = 'undefined, undefined, undefined'
const KEPT = 'undefined, undefined, an Error'
const ERROR = 'throws, throws, throws'
assert.deepEqual(seen, {
  'cacheable wrap': NOTHING,
  'its events': 2,
  'its loads': 2,
  'cacheable wrap, throwErrors': NOTHING,
  'cacheable wrap, cacheError': NOTHING,
  'cacheable wrap, cacheErrors': KEPT,
  'cacheable getOrSet': NOTHING,
  'cacheable getOrSet, cacheErrors': KEPT,
  'cacheable getOrSet, throwErrors': ERROR,
  'cache-manager': ERROR,
  bentocache: ERROR,
  'p-memoize': ERROR
})
for (const [name, answer] of Object.entries(seen)) console.log(`as observed: ${name}: ${answer}`)
process.exit()
JAVASCRIPT
node outage.mjs
