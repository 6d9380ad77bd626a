#!/usr/bin/env bash
# A client that has parameters of its own asks for the first page for ever: they replace the cursor of the next link.
#
# Expected:  what a client adds to each request (a limit, an API's version) is added to the address that is asked. A walk
#            that asks for the `next` of each page until there is none meets each row once.
# Observed:  in httpx 0.28 and its successor httpx2, in got and in ky 1, parameters take the place of the whole query of
#            the address, those of the client too: each `next` leads to the first page again, and the walk never ends.
#            In httpx and httpx2 even params={} beside a link leaves its cursor out. Nothing warns. requests, niquests,
#            aiohttp, httpxyz (a fork of httpx), axios, ofetch and ky 2 keep the cursor, and walk to the end. urllib3's
#            `fields` put a second "?" behind the cursor, and undici's `query` raises an error.
# Versions:  httpx 0.28.1, httpx2 2.16.2, httpxyz 0.42.1, requests 2.34.2, niquests 3.21.2, aiohttp 3.14.5,
#            urllib3 2.8.0 (PyPI); got 14.6.6, ky 1.14.3, ky 2.1.0, axios 1.21.1, ofetch 1.5.1, undici 7.30.2 (npm).
#            got 16.1.0, which needs Node 22, does as 14.6.6 does.
# For us:    our Link holds the whole question, and is to be asked as it is; where a client has parameters of its own,
#            `next_cursor` goes beside them. A limit that is added a second time is a 400, and no wrong page (docs/api.md,
#            "A walk through all pages"; tests/web/test_bad_parameters.py, tests/web/test_listing_route.py).
# Source:    encode/httpx issues 2713 and 3433 (meant so since 0.28; it was added before) and pydantic/httpx2 issue 870;
#            sindresorhus/ky issue 836, documented in ky 1 and changed in ky 2
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'httpx==0.28.1' 'httpx2==2.16.2' 'httpxyz==0.42.1' 'requests==2.34.2' \
  'niquests==3.21.2' 'aiohttp==3.14.5' 'urllib3==2.8.0'
npm install --silent --no-audit --no-fund --prefix "$folder" 'got@14.6.6' 'ky@1.14.3' 'axios@1.21.1' 'ofetch@1.5.1' \
  'undici@7.30.2' >/dev/null
npm install --silent --no-audit --no-fund --prefix "$folder/two" 'ky@2.1.0' >/dev/null

cd "$folder"
cat >walk.mjs <<'JAVASCRIPT'
import axios from 'axios'
import got from 'got'
import ky from 'ky'
import { ofetch } from 'ofetch'
import { request } from 'undici'
import ky2 from './two/node_modules/ky/distribution/index.js'

const [base] = process.argv.slice(2)
const limit = { limit: 2 }
const ofAxios = axios.create({ params: limit })
const ofGot = got.extend({ searchParams: limit })
const ofKy = ky.create({ searchParams: limit })
const ofKy2 = ky2.create({ searchParams: limit })
const ofOfetch = ofetch.create({ query: limit })
const ask = {
  axios: async (url) => (await ofAxios.get(url)).data,
  got: (url) => ofGot(url).json(),
  ky: (url) => ofKy(url).json(),
  'ky 2': (url) => ofKy2(url).json(),
  ofetch: (url) => ofOfetch(url),
  undici: async (url) => (await request(url, { query: limit })).body.json()
}
const walks = {}
for (const [client, get] of Object.entries(ask)) {
  const rows = []
  let next = `${base}/rows`
  try {
    for (let pages = 0; next !== null && pages < 8; pages++) {
      const page = await get(next)
      rows.push(...page.rows)
      next = page.next
    }
    walks[client] = [rows, next === null]
  } catch (error) {
    walks[client] = [rows, error.message]
  }
}
console.log(JSON.stringify(walks))
JAVASCRIPT

PYTHONPATH="$here/servers" venv/bin/python -B - <<'PYTHON'
import asyncio
import json
import subprocess
from urllib.parse import parse_qs, urlsplit

import aiohttp
import httpx
import httpx2
import httpxyz
import niquests
import requests
import urllib3
from http_origin import serve


queries = []


def answer(target, fields):
    """Seven rows, by pages; `next` is the address of the next page, with all that it needs."""
    query = urlsplit(target).query
    queries.append(query)
    asked = parse_qs(query)
    after, limit = int(asked.get("cursor", ["0"])[0]), int(asked.get("limit", ["3"])[0][:1])
    rows = list(range(after + 1, min(after + limit, 7) + 1))
    url = f"http://{fields['Host']}/rows?limit={limit}&cursor={rows[-1]}"
    body = json.dumps({"rows": rows, "next": None if rows[-1] == 7 else url}).encode()
    return 200, {"Content-Type": "application/json"}, body


base = serve(answer)


async def by_aiohttp(url):
    async with aiohttp.ClientSession() as session, session.get(url, params={"limit": 2}) as answer:
        return await answer.json()


def of_session(module):
    session = module.Session()
    session.params = {"limit": 2}
    return lambda url: session.get(url).json()


def of_client(module):
    client = module.Client(params={"limit": 2})
    return lambda url: client.get(url).json()


def walk(get):
    rows, url = [], f"{base}/rows"
    for _ in range(8):
        page = get(url)
        rows += page["rows"]
        url = page["next"]
        if url is None:
            break
    return [rows, url is None]


walks = {
    "httpx": walk(of_client(httpx)),
    "httpx2": walk(of_client(httpx2)),
    "httpxyz": walk(of_client(httpxyz)),
    "requests": walk(of_session(requests)),
    "niquests": walk(of_session(niquests)),
    "aiohttp": walk(lambda url: asyncio.run(by_aiohttp(url))),
    **json.loads(subprocess.run(["node", "walk.mjs", base], check=True, stdout=subprocess.PIPE).stdout),
}
whole, first_page = [[1, 2, 3, 4, 5, 6, 7], True], [[1, 2] * 8, False]
replacing = ["got", "httpx", "httpx2", "ky"]
assert sorted(name for name, told in walks.items() if told == first_page) == replacing, walks
keeping = ["aiohttp", "axios", "httpxyz", "ky 2", "niquests", "ofetch", "requests"]
assert sorted(name for name, told in walks.items() if told == whole) == keeping, walks
assert walks["undici"][0] == [1, 2] and "cannot be passed" in walks["undici"][1], walks

link = f"{base}/rows?cursor=5"
for module in (httpx, httpx2):
    assert module.get(link, params={}).json()["rows"] == [1, 2, 3]
for module in (requests, niquests, httpxyz):
    assert module.get(link, params={}).json()["rows"] == [6, 7]
queries.clear()
urllib3.request("GET", f"{base}/rows?cursor=5&limit=2", fields={"version": "1"})
assert queries == ["cursor=5&limit=2?version=1"], queries
print("as observed: the first page again and again by", ", ".join(replacing))
print("as observed: each row once by", ", ".join(keeping))
PYTHON
