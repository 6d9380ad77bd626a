#!/usr/bin/env bash
# Four of nine HTTP caches for Python and Node answer a question with the copy of another one.
#
# Expected:  the key of a copy is the method and the address that was asked (RFC 9111, section 2). A client's cache may
#            write the address in another way, but two questions that a server tells apart it keeps apart.
# Observed:  axios-cache-interceptor takes numbers below the point away: after {min_rating: 4}, {min_rating: 4.5} gets
#            the copy of 4, and {lat: 18.97, lon: 73.01} that of {lat: 18.52, lon: 73.86}, 100 km away. Its key is a sum
#            of 32 bits, into which a number goes by JavaScript's ^, so that times in milliseconds come round after 49.7
#            days. got leaves every utm_ parameter out of its key, decodes the query, and gives ?q=rice+dal the copy of
#            ?q=rice%2Bdal. requests-cache and aiohttp-client-cache sort the parameters by name and value:
#            ?ids=3&ids=1 and ?ids=1&ids=3 are one copy, and so are the two orders of a repeated sort=. CacheControl,
#            hishel, undici, make-fetch-happen and @cacheable/net keep all of these apart.
# Versions:  axios-cache-interceptor 1.12.3, axios 1.21.1, got 14.6.6, cacheable-request 13.0.19, undici 7.30.2,
#            make-fetch-happen 15.0.6, @cacheable/net 2.1.0 (npm); requests-cache 1.3.3, CacheControl 0.14.4,
#            hishel 2.0.0, aiohttp-client-cache 0.15.0 (PyPI); below them requests 2.34.2, httpx 0.28.1, aiohttp 3.14.5.
#            got 16.1.0, which needs Node 22, has the same cacheable-request and does the same.
# For us:    the order of `ids` is that of the answer, and one list with commas keeps it in each of these caches;
#            numbers are given as text (docs/clients.md, "What no header cures"; tests/web/test_canonical_form.py).
# Source:    object-code 2.0.0, src/hash.ts; normalize-url 8.1.1, whose settings got takes as they come;
#            arthurfiorette/axios-cache-interceptor issue 795 has collisions by chance, among 100,000 keys
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'requests==2.34.2' 'requests-cache==1.3.3' 'CacheControl==0.14.4' \
  'hishel==2.0.0' 'httpx==0.28.1' 'aiohttp==3.14.5' 'aiohttp-client-cache==0.15.0'
npm install --silent --no-audit --no-fund --prefix "$folder" 'axios@1.21.1' 'axios-cache-interceptor@1.12.3' \
  'got@14.6.6' 'cacheable-request@13.0.19' 'undici@7.30.2' 'make-fetch-happen@15.0.6' '@cacheable/net@2.1.0' >/dev/null

cd "$folder"
cat >pairs.json <<'JSON'
{
  "decimals": ["min_rating=4", "min_rating=4.5"],
  "places": ["lat=18.52&lon=73.86", "lat=18.97&lon=73.01"],
  "times": ["since=1764547200000", "since=1768842167296"],
  "utm": ["utm_source=letter", "utm_source=poster"],
  "plus": ["q=rice%2Bdal", "q=rice+dal"],
  "order": ["ids=3&ids=1", "ids=1&ids=3"],
  "list": ["ids=3,1", "ids=1,3"],
  "another": ["q=rice", "q=dal"]
}
JSON
cat >ask.mjs <<'JAVASCRIPT'
import { readFile } from 'node:fs/promises'
import { Net } from '@cacheable/net'
import axios from 'axios'
import { setupCache } from 'axios-cache-interceptor'
import got from 'got'
import fetch from 'make-fetch-happen'
import { Agent, cacheStores, interceptors, request } from 'undici'

const [url] = process.argv.slice(2)
const pairs = JSON.parse(await readFile('pairs.json', 'utf8'))
const interceptor = setupCache(axios.create())
const cached = fetch.defaults({ cachePath: 'copies' })
const copies = new Map()
const dispatcher = new Agent().compose(interceptors.cache({ store: new cacheStores.MemoryCacheStore() }))
const net = new Net()

// As a program has them: numbers are numbers.
const paramsOf = (query) =>
  Object.fromEntries(query.split('&').map((one) => one.split('=')).map(([name, text]) => [name, Number(text)]))
const ask = {
  'axios-cache-interceptor': async (address) => {
    const [page, query] = address.split('?')
    const numbers = /decimals|places|times/.test(page)
    return (await interceptor.get(numbers ? page : address, numbers ? { params: paramsOf(query) } : {})).data
  },
  got: (address) => got(address, { cache: copies }).text(),
  undici: async (address) => (await request(address, { dispatcher })).body.text(),
  'make-fetch-happen': async (address) => (await cached(address)).text(),
  '@cacheable/net': async (address) => (await net.fetch(address)).text()
}
const answers = {}
for (const [client, get] of Object.entries(ask)) {
  answers[client] = {}
  for (const [kind, [first, second]] of Object.entries(pairs)) {
    const page = `${url}/${encodeURIComponent(client)}/${kind}?`
    answers[client][kind] = [await get(page + first), await get(page + second), await get(page + first)]
  }
}
console.log(JSON.stringify(answers))
JAVASCRIPT

PYTHONPATH="$here/servers" venv/bin/python -B - <<'PYTHON'
import asyncio
import json
import subprocess
from collections import Counter
from pathlib import Path

import cachecontrol
import hishel
import requests
import requests_cache
from aiohttp_client_cache import CacheBackend, CachedSession
from hishel.httpx import CacheClient
from http_origin import serve


asked = Counter()


def answer(target, _):
    """The query that was asked, good for a minute."""
    asked[target] += 1
    return 200, {"Cache-Control": "public, max-age=60", "Content-Type": "text/plain"}, target.partition("?")[2].encode()


url = serve(answer)
pairs = json.loads(Path("pairs.json").read_bytes())


def thrice(name, kind):
    first, second = pairs[kind]
    return [f"{url}/{name}/{kind}?{query}" for query in (first, second, first)]


clients = {
    "requests-cache": requests_cache.CachedSession(backend="memory", cache_control=True),
    "CacheControl": cachecontrol.CacheControl(requests.Session()),
    "hishel": CacheClient(rfc=True, storage=hishel.SqliteStorage(database_path="hishel.db")),
}
answers = {
    name: {kind: [client.get(address).text for address in thrice(name, kind)] for kind in pairs}
    for name, client in clients.items()
}


async def by_aiohttp():
    async with CachedSession(cache=CacheBackend(cache_control=True)) as client:
        return {
            kind: [await (await client.get(address)).text() for address in thrice("aiohttp", kind)] for kind in pairs
        }


answers["aiohttp-client-cache"] = asyncio.run(by_aiohttp())
answers |= json.loads(subprocess.run(["node", "ask.mjs", url], check=True, stdout=subprocess.PIPE).stdout)

assert set(asked.values()) == {1}, "one of them is no cache: it asked a second time"
mixed = {name: {kind for kind, (one, other, _) in told.items() if one == other} for name, told in answers.items()}
assert mixed == {
    "axios-cache-interceptor": {"decimals", "places", "times"},
    "got": {"utm", "plus"},
    "requests-cache": {"order"},
    "aiohttp-client-cache": {"order"},
    **{name: set() for name in ("CacheControl", "hishel", "undici", "make-fetch-happen", "@cacheable/net")},
}, mixed
assert answers["axios-cache-interceptor"]["decimals"] == ["min_rating=4"] * 3
assert answers["got"]["utm"] == ["utm_source=letter"] * 3
for name, kinds in mixed.items():
    print(f"as observed: {name} mixes", ", ".join(sorted(kinds)) or "nothing")
PYTHON
