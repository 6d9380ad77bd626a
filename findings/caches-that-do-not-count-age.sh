#!/usr/bin/env bash
# Five of six HTTP caches for Python and Node reuse an answer that says by its Age that it is stale.
#
# Expected:  an answer with "Cache-Control: max-age=60" and "Age: 120" was stale when it came. RFC 9111, section 4.2.3,
#            has a cache take Age into account: it may keep the answer, but has to ask before it uses it again.
# Observed:  requests-cache (with cache_control=True), CacheControl, aiohttp-client-cache (with cache_control=True),
#            hishel (with rfc=True) and make-fetch-happen serve it for another 60 s without asking; undici's cache
#            interceptor asks. Behind a CDN that keeps pages for their whole max-age, such a client sees data that is
#            twice as old as its maker allowed. hishel's own comments describe the right calculation, and
#            make-fetch-happen announced it; neither does it.
# Versions:  requests-cache 1.3.3, CacheControl 0.14.4, hishel 2.0.0, aiohttp-client-cache 0.15.0 (PyPI);
#            make-fetch-happen 15.0.6, undici 7.30.2 (npm); below them requests 2.34.2, httpx 0.28.1, aiohttp 3.14.5
# For us:    an origin need not send Age. Ours says in max-age what is left, and sends none (docs/http.md, "Caching";
#            tests/clients/test_freshness.py asks these caches and five proxies).
# Source:    RFC 9111, sections 4.2 and 4.2.3; make-fetch-happen pull request 13 ("obeys Age")
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'requests==2.34.2' 'requests-cache==1.3.3' 'CacheControl==0.14.4' \
  'hishel==2.0.0' 'httpx==0.28.1' 'aiohttp==3.14.5' 'aiohttp-client-cache==0.15.0'
npm install --silent --no-audit --no-fund --prefix "$folder" 'make-fetch-happen@15.0.6' 'undici@7.30.2' >/dev/null

cd "$folder"
cat >ask.mjs <<'JAVASCRIPT'
import fetch from 'make-fetch-happen'
import { Agent, cacheStores, interceptors, request } from 'undici'

const [url] = process.argv.slice(2)
const cached = fetch.defaults({ cachePath: 'copies' })
const dispatcher = new Agent().compose(interceptors.cache({ store: new cacheStores.MemoryCacheStore() }))
const ask = {
  'make-fetch-happen': async (address) => (await cached(address)).text(),
  undici: async (address) => (await request(address, { dispatcher })).body.text()
}
const answers = {}
for (const [client, get] of Object.entries(ask)) {
  for (const kind of ['fresh', 'aged']) {
    const address = `${url}/${kind}/${client}`
    answers[`${client} ${kind}`] = [await get(address), await get(address)]
  }
}
console.log(JSON.stringify(answers))
JAVASCRIPT

PYTHONPATH="$here/servers" venv/bin/python -B - <<'PYTHON'
import asyncio
import json
import subprocess
from collections import Counter

import cachecontrol
import hishel
import requests
import requests_cache
from aiohttp_client_cache import CacheBackend, CachedSession
from hishel.httpx import CacheClient
from http_origin import serve


asked = Counter()


def answer(target, _):
    """How often the address was asked for; under /aged with an Age beyond max-age."""
    asked[target] += 1
    fields = {"Cache-Control": "public, max-age=60"} | ({"Age": "120"} if target.startswith("/aged") else {})
    return 200, fields, str(asked[target]).encode()


url = serve(answer)
clients = {
    "requests-cache": requests_cache.CachedSession(backend="memory", cache_control=True),
    "CacheControl": cachecontrol.CacheControl(requests.Session()),
    "hishel": CacheClient(rfc=True, storage=hishel.SqliteStorage(database_path="hishel.db")),
}
answers = {
    f"{name} {kind}": [client.get(f"{url}/{kind}/{name}").text for _ in range(2)]
    for name, client in clients.items()
    for kind in ("fresh", "aged")
}


async def by_aiohttp(kind):
    async with CachedSession(cache=CacheBackend(cache_control=True)) as client:
        return [await (await client.get(f"{url}/{kind}/aiohttp")).text() for _ in range(2)]


for kind in ("fresh", "aged"):
    answers[f"aiohttp-client-cache {kind}"] = asyncio.run(by_aiohttp(kind))
answers |= json.loads(subprocess.run(["node", "ask.mjs", url], check=True, stdout=subprocess.PIPE).stdout)

reused = sorted(case for case, (first, second) in answers.items() if first == second == "1")
by_rights = [case for case in answers if case.endswith("fresh")]
stale = ["CacheControl", "aiohttp-client-cache", "hishel", "make-fetch-happen", "requests-cache"]
assert reused == sorted([*by_rights, *(f"{name} aged" for name in stale)]), answers
assert answers["undici aged"] == ["1", "2"], answers
print("as observed: reused although its Age was beyond max-age by", ", ".join(stale), "- and not by undici")
PYTHON
