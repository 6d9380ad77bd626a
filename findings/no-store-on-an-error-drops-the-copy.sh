#!/usr/bin/env bash
# "Cache-Control: no-store" on a 503 makes make-fetch-happen throw away the good copy that stale-if-error is for.
#
# Expected:  no-store says of the answer that has it that it is not to be stored (RFC 9111, section 5.2.2.5), which is
#            common advice for an error page. The good copy from before, which says stale-if-error=600, is another
#            answer, and goes on being served while the errors last.
# Observed:  make-fetch-happen serves the copy for the first 503, and deletes it in the same breath, so that the second
#            503 reaches the caller. With the same 503 without no-store it goes on as long as stale-if-error says.
#            undici's cache interceptor keeps the copy in both cases.
# Versions:  make-fetch-happen 15.0.6, undici 7.30.2 (npm)
# For us:    a 5xx in the place of what caches may keep has no Cache-Control (docs/http.md, "Caching";
#            tests/web/test_kept_copies.py).
# Source:    RFC 5861, section 4; RFC 9111, sections 3 and 5.2.2.5; seen here
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
npm install --silent --no-audit --no-fund --prefix "$folder" 'make-fetch-happen@15.0.6' 'undici@7.30.2' >/dev/null

cd "$folder"
cat >ask.mjs <<'JAVASCRIPT'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import fetch from 'make-fetch-happen'
import { Agent, cacheStores, interceptors, request } from 'undici'

// The first answer for an address is good for a second, all further ones are 503.
const asked = new Map()
const server = createServer(({ url }, response) => {
  asked.set(url, (asked.get(url) ?? 0) + 1)
  if (asked.get(url) === 1) {
    response.writeHead(200, { 'cache-control': 'public, max-age=1, stale-if-error=600', etag: '"1"' })
    response.end('good')
  } else {
    response.writeHead(503, url.startsWith('/no-store') ? { 'cache-control': 'no-store' } : {})
    response.end('down')
  }
}).listen(0, '127.0.0.1')
await once(server, 'listening')
const base = `http://127.0.0.1:${server.address().port}`

const cached = fetch.defaults({ cachePath: 'copies', retry: false })
const dispatcher = new Agent().compose(interceptors.cache({ store: new cacheStores.MemoryCacheStore() }))
const ask = {
  fetch: async (address) => {
    const response = await cached(address)
    await response.text() // a body that nobody reads is not kept
    return response.status
  },
  undici: async (address) => {
    const { statusCode, body } = await request(address, { dispatcher })
    await body.text()
    return statusCode
  }
}
const seen = {}
for (const [client, status] of Object.entries(ask)) {
  for (const kind of ['plain', 'no-store']) {
    const statuses = []
    for (let time = 0; time < 4; time++) {
      statuses.push(await status(`${base}/${kind}/${client}`))
      await setTimeout(1100)
    }
    seen[`${client}, ${kind}`] = statuses
  }
}
assert.deepEqual(seen, {
  'fetch, plain': [200, 200, 200, 200],
  'fetch, no-store': [200, 200, 503, 503],
  'undici, plain': [200, 200, 200, 200],
  'undici, no-store': [200, 200, 200, 200]
})
console.log('as observed:', JSON.stringify(seen))
await dispatcher.close()
server.close()
JAVASCRIPT
node ask.mjs
