#!/usr/bin/env bash
# Six HTTP clients that repeat a refused upload send nothing the second time, and report success.
#
# Expected:  a client that is set to repeat a request after a 503 sends the same body again. What can be read once only,
#            a generator or a stream, it keeps, or it does not repeat the request, or it raises an error.
# Observed:  a body of 100,000 bytes, answered 503 and then 200. aiohttp-retry sends a BytesIO and an asynchronous
#            generator as 0 bytes the second time, urllib3 and requests by it a generator, axios-retry a stream of a
#            file, undici's RetryAgent and its retry interceptor a stream of the web's, got 14 as well: each returns the
#            200, and whoever stored the body has stored an empty one. Of a file httpx-retries sends the second request
#            without its body and raises an error, and aiohttp-retry sends none. Right: urllib3 and requests go back to
#            the beginning of a file and of a BytesIO, ky keeps a copy of a stream; fetch-retry, ofetch,
#            make-fetch-happen, and got and undici with a stream of Node.js, ask once, and say so.
# Versions:  aiohttp 3.14.5, aiohttp-retry 2.9.1, urllib3 2.8.0, requests 2.34.2, httpx 0.28.1, httpx-retries 0.6.0
#            (PyPI); axios 1.21.1, axios-retry 4.5.0, undici 7.30.2, got 14.6.6, ky 1.14.3, fetch-retry 6.0.0,
#            ofetch 1.5.1, make-fetch-happen 15.0.6 (npm). got 16.1.0, which is for Node 22, asks once in either case.
# For us:    what we send by aiohttp-retry, the request for a token, is made anew for each attempt
#            (tests/partner/test_tokens.py). A webhook whose body was lost on its way to us is no longer what was
#            signed: it is refused with 401, so that its sender hears of it (docs/partner.md, "Webhooks";
#            tests/webhooks/test_delivery.py).
# Source:    RFC 9110, section 9.2.2; sindresorhus/got issue 1382, after which got stopped repeating; jonbern/fetch-retry
#            issue 99 and axios/axios pull request 11181, where the same was seen
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'aiohttp==3.14.5' 'aiohttp-retry==2.9.1' 'urllib3==2.8.0' 'requests==2.34.2' \
  'httpx==0.28.1' 'httpx-retries==0.6.0'
npm install --silent --no-audit --no-fund --prefix "$folder" 'axios@1.21.1' 'axios-retry@4.5.0' 'undici@7.30.2' \
  'got@14.6.6' 'ky@1.14.3' 'fetch-retry@6.0.0' 'ofetch@1.5.1' 'make-fetch-happen@15.0.6' >/dev/null

cd "$folder"
head -c 100000 /dev/zero >body
cat >send.mjs <<'JAVASCRIPT'
import { createReadStream, readFileSync } from 'node:fs'
import axios from 'axios'
import axiosRetry from 'axios-retry'
import fetchRetry from 'fetch-retry'
import got from 'got'
import ky from 'ky'
import makeFetchHappen from 'make-fetch-happen'
import { ofetch } from 'ofetch'
import { Agent, interceptors, request, RetryAgent } from 'undici'

const [url] = process.argv.slice(2)
const bodies = {
  text: () => readFileSync('body', 'latin1'),
  file: () => createReadStream('body'),
  web: () => new Blob([readFileSync('body')]).stream()
}
const withAxiosRetry = axios.create()
axiosRetry(withAxiosRetry)
const soon = { minTimeout: 10 }
const ofUndici = async (address, body, dispatcher) =>
  (await request(address, { method: 'PUT', body, dispatcher })).statusCode
const put = {
  'axios-retry': async (address, body) => (await withAxiosRetry.put(address, body)).status,
  RetryAgent: (address, body) => ofUndici(address, body, new RetryAgent(new Agent(), soon)),
  interceptor: (address, body) => ofUndici(address, body, new Agent().compose(interceptors.retry(soon))),
  got: async (address, body) => (await got.put(address, { body, retry: { limit: 1, backoffLimit: 10 } })).statusCode,
  ky: async (address, body) => (await ky.put(address, { body, duplex: 'half', retry: { backoffLimit: 10 } })).status,
  'fetch-retry': async (address, body) =>
    (await fetchRetry(fetch, { retryOn: [503], retryDelay: 10 })(address, { method: 'PUT', body, duplex: 'half' })).status,
  ofetch: async (address, body) => (await ofetch.raw(address, { method: 'PUT', body, duplex: 'half', retry: 1 })).status,
  'make-fetch-happen': async (address, body) =>
    (await makeFetchHappen(address, { method: 'PUT', body, retry: { retries: 1, minTimeout: 10 } })).status
}
const came = {}
const send = async (name, kind, upload) => {
  came[`${name} ${kind}`] = await upload(`${url}/${name}/${kind}`, bodies[kind]()).catch((error) => error.name)
}
for (const [name, upload] of Object.entries(put)) {
  await send(name, 'text', upload)
  await send(name, name === 'make-fetch-happen' || name === 'axios-retry' ? 'file' : 'web', upload)
}
await send('RetryAgent', 'file', put.RetryAgent)
await send('got', 'file', put.got)
console.log(JSON.stringify(came))
process.exit()
JAVASCRIPT

PYTHONPATH="$here/servers" venv/bin/python -B - <<'PYTHON'
import asyncio
import json
import subprocess
from collections import defaultdict
from io import BytesIO
from pathlib import Path

import aiohttp_retry
import httpx
import httpx_retries
import requests
import urllib3
from http_origin import serve

BODY = Path("body").read_bytes()
WHOLE = len(BODY)
lengths = defaultdict(list)


def hear(target, body):
    """The length of each body that a client sends, None for one that ends in the middle."""
    lengths[target].append(None if body is None else len(body))


def answer(target, _):
    """A refusal, and from the second request on a success."""
    return (503 if len(lengths[target]) == 1 else 200), {}, b""


def once():
    yield BODY


async def asynchronously():
    yield BODY


async def by_aiohttp_retry(address, body):
    options = aiohttp_retry.ExponentialRetry(attempts=2, start_timeout=0.01)
    async with aiohttp_retry.RetryClient(retry_options=options) as client:
        body = asynchronously() if body is ITERATED else body
        async with client.post(address, data=body) as response:
            return response.status


RETRY = urllib3.Retry(1, status_forcelist=[503], allowed_methods=None)
session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(max_retries=RETRY))
transport = httpx_retries.RetryTransport(retry=httpx_retries.Retry(1, allowed_methods=["POST"], backoff_factor=0.01))
post = {
    "aiohttp-retry": lambda address, body: asyncio.run(by_aiohttp_retry(address, body)),
    "urllib3": lambda address, body: urllib3.request("POST", address, body=body, retries=RETRY).status,
    "requests": lambda address, body: session.post(address, data=body).status_code,
    "httpx-retries": lambda address, body: httpx.Client(transport=transport).post(address, content=body).status_code,
}
ITERATED = once()
kinds = {"text": lambda: BODY, "file": lambda: open("body", "rb"), "BytesIO": lambda: BytesIO(BODY)}
kinds["generator"] = lambda: ITERATED if name == "aiohttp-retry" else once()
url = serve(answer, hear)
came = {}
for name, send in post.items():
    for kind, make in kinds.items():
        try:
            came[f"{name} {kind}"] = send(f"{url}/{name}/{kind}", make())
        except Exception as error:
            came[f"{name} {kind}"] = type(error).__name__
came |= json.loads(subprocess.run(["node", "send.mjs", url], check=True, stdout=subprocess.PIPE).stdout)
seen = {case: (lengths[f"/{case.replace(' ', '/')}"], outcome) for case, outcome in came.items()}

lost = "aiohttp-retry BytesIO", "aiohttp-retry generator", "urllib3 generator", "requests generator"
lost = *lost, "axios-retry file", "RetryAgent web", "interceptor web", "got web"
expected = {case: ([WHOLE, 0], 200) for case in lost}
expected |= {case: ([WHOLE, WHOLE], 200) for case in seen if case.endswith("text")}
expected |= {f"{name} {kind}": ([WHOLE, WHOLE], 200) for name in ("urllib3", "requests") for kind in ("file", "BytesIO")}
expected |= {"ky web": ([WHOLE, WHOLE], 200), "got file": ([WHOLE], "HTTPError")}
expected |= {"aiohttp-retry file": ([WHOLE], "ValueError"), "RetryAgent file": ([WHOLE], "RequestRetryError")}
expected |= {"fetch-retry web": ([WHOLE], "TypeError"), "ofetch web": ([WHOLE], "FetchError")}
expected |= {"make-fetch-happen file": ([WHOLE], 503)}
assert {case: seen[case] for case in expected} == expected, seen
for kind in ("file", "BytesIO", "generator"):
    sent, outcome = seen[f"httpx-retries {kind}"]
    assert sent == [WHOLE, None] and isinstance(outcome, str), seen
for case, (sent, outcome) in sorted(seen.items()):
    print(f"as observed: {case}: bodies of {sent} bytes; in the end: {outcome}")
PYTHON
