#!/usr/bin/env bash
# Six of fourteen packages that wait as many seconds as Retry-After says do not wait until the date that it says.
#
# Expected:  Retry-After is a number of seconds or a date (RFC 9110, section 10.2.3), and who plans a maintenance knows
#            a date. A client that waits for the one waits for the other, or else goes on as without Retry-After.
# Observed:  python-gitlab, jira and Sickle, set to repeat a 503, raise ValueError for a date, in place of their own
#            error and without a second request; so do the recipes for Retry-After in the README of backoff and in the
#            docstring of tenacity's wait_exception. @vercel/fetch-retry goes by its own backoff. link-check calls the
#            date "non standard", asks three times at once and reports a dead link. retryhttp drops the fraction of a
#            second: it asks too early, then at once with the last of its three attempts, and fails within the last
#            second before the moment. (These two look at it on a 429 alone.) Right are urllib3, requests by it,
#            httpx-retries, undici, got, ky, axios-retry and retry-axios; but where the date has passed, for which a
#            clock that is ahead is enough, retry-axios does not ask again. aiohttp-retry, fetch-retry, ofetch,
#            superagent, make-fetch-happen and @octokit/plugin-retry look at neither form.
# Versions:  urllib3 2.8.0, requests 2.34.2, httpx 0.28.1, httpx-retries 0.6.0, retryhttp 1.5.0, python-gitlab 8.6.0,
#            jira 3.10.5, Sickle 0.7.0, backoff 2.2.1, tenacity 9.2.1, aiohttp-retry 2.9.1 (PyPI); undici 7.30.2,
#            got 14.6.6, ky 1.14.3, axios 1.21.1, axios-retry 4.5.0, retry-axios 4.0.3, @vercel/fetch-retry 5.1.3,
#            node-fetch 2.7.0, link-check 5.6.0, fetch-retry 6.0.0, ofetch 1.5.1, superagent 10.4.2,
#            make-fetch-happen 15.0.6, @octokit/core 7.0.8, @octokit/plugin-retry 8.1.1 (npm). undici 8.13.1,
#            got 16.1.0, ky 2.1.0 and make-fetch-happen 16.0.1, which need Node 22, do as these do.
# For us:    the partner is waited for by either form, to the fraction (docs/partner.md, "Calls to the partner";
#            tests/partner/test_retry_after.py). What we send is whole seconds (docs/api.md, "Errors";
#            tests/web/test_openapi_answers.py): there is no date for a client to stumble over.
# Source:    RFC 9110, section 10.2.3; mloesch/sickle pull request 28 and acmesh-official/acme.sh issue 7201, where
#            servers send dates; vercel/fetch-retry pull request 31, tcort/link-check issue 24, austind/retryhttp
#            issue 8
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'urllib3==2.8.0' 'requests==2.34.2' 'httpx==0.28.1' 'httpx-retries==0.6.0' \
  'retryhttp==1.5.0' 'python-gitlab==8.6.0' 'jira==3.10.5' 'Sickle==0.7.0' 'backoff==2.2.1' 'tenacity==9.2.1' \
  'aiohttp-retry==2.9.1'
npm install --silent --no-audit --no-fund --prefix "$folder" 'undici@7.30.2' 'got@14.6.6' 'ky@1.14.3' 'axios@1.21.1' \
  'axios-retry@4.5.0' 'retry-axios@4.0.3' '@vercel/fetch-retry@5.1.3' 'node-fetch@2.7.0' 'link-check@5.6.0' \
  'fetch-retry@6.0.0' 'ofetch@1.5.1' 'superagent@10.4.2' 'make-fetch-happen@15.0.6' '@octokit/core@7.0.8' \
  '@octokit/plugin-retry@8.1.1' >/dev/null

cd "$folder"
cat >ask.mjs <<'JAVASCRIPT'
import { promisify } from 'node:util'
import { Octokit } from '@octokit/core'
import { retry } from '@octokit/plugin-retry'
import fetchRetryOfVercel from '@vercel/fetch-retry'
import axios from 'axios'
import axiosRetry from 'axios-retry'
import fetchRetry from 'fetch-retry'
import got from 'got'
import ky from 'ky'
import linkCheck from 'link-check'
import makeFetchHappen from 'make-fetch-happen'
import { ofetch } from 'ofetch'
import { attach } from 'retry-axios'
import superagent from 'superagent'
import { Agent, interceptors, request } from 'undici'

const [url] = process.argv.slice(2)
const withAxiosRetry = axios.create()
axiosRetry(withAxiosRetry)
const withRetryAxios = axios.create()
attach(withRetryAxios)
const dispatcher = new Agent().compose(interceptors.retry())
const RetryingOctokit = Octokit.plugin(retry)
const status = {
  undici: async (address) => (await request(address, { dispatcher })).statusCode,
  got: async (address) => (await got(address)).statusCode,
  ky: async (address) => (await ky(address)).status,
  'axios-retry': async (address) => (await withAxiosRetry.get(address)).status,
  'retry-axios': async (address) => (await withRetryAxios.get(address)).status,
  '@vercel+fetch-retry': async (address) => (await fetchRetryOfVercel()(address)).status,
  'link-check': async (address) => {
    const link = await promisify(linkCheck)(address, { retryOn429: true })
    return link.err ? [link.status, /non standard/.exec(link.err)?.[0]].join(', ') : link.statusCode
  },
  'fetch-retry': async (address) => (await fetchRetry(fetch, { retryOn: [503] })(address)).status,
  ofetch: async (address) => (await ofetch.raw(address)).status,
  superagent: async (address) => (await superagent.get(address).retry(2)).status,
  'make-fetch-happen': async (address) => (await makeFetchHappen(address, { retry: 2 })).status,
  '@octokit+plugin-retry': async (address) => (await new RetryingOctokit().request(`GET ${address}`)).status
}
const came = {}
await Promise.all(Object.entries(status).flatMap(([name, ask]) => ['seconds', 'date', 'past'].map(async (form) => {
  came[`${form} ${name}`] = await ask(`${url}/${form}/${name}/`).catch((error) => error.name)
})))
console.log(JSON.stringify(came))
JAVASCRIPT

PYTHONPATH="$here/servers" venv/bin/python -B - <<'PYTHON'
import asyncio
import json
import logging
import re
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import aiohttp_retry
import backoff
import gitlab
import httpx
import httpx_retries
import jira
import requests
import retryhttp
import sickle
import tenacity
import urllib3
from http_origin import serve

logging.disable()
moments, early = {}, Counter()
ONLY_BY_429 = ("retryhttp", "link-check", "backoff")  # a README's recipe, and two that look at it on a 429 alone


def answer(target, _):
    """A refusal until the moment that its Retry-After tells: in 2 s, by a date in 2.8 s, or 5 s ago; then a page."""
    _, form, name, *_ = re.split("[/?]", target)
    case = f"{form} {name}"
    new = case not in moments
    if new:
        time.sleep((0.2 - time.time()) % 1)
        now = time.time()
        moments[case] = {"seconds": now + 2, "date": int(now) + 3, "past": int(now) - 5}[form]
    elif time.time() > moments[case] - 0.02:  # timers are in milliseconds
        return 200, {"Content-Type": "application/json"}, b"[]"
    early[case] += 1
    told = "2" if form == "seconds" else formatdate(moments[case], usegmt=True)
    return 429 if name in ONLY_BY_429 else 503, {"Retry-After": told}, b""


@retryhttp.retry
def by_retryhttp(address):
    answer = requests.get(address)
    answer.raise_for_status()
    return answer


@backoff.on_predicate(
    backoff.runtime,
    predicate=lambda r: r.status_code == 429,
    value=lambda r: int(r.headers.get("Retry-After")),
    jitter=None,
)
def by_backoff(address):
    return requests.get(address)


@tenacity.retry(
    stop=tenacity.stop_after_attempt(3),
    wait=tenacity.wait_exception(lambda error: float(error.response.headers.get("Retry-After", "1"))),
)
def by_tenacity(address):
    answer = requests.get(address)
    answer.raise_for_status()
    return answer


def by_gitlab(address):
    return gitlab.Gitlab(address, retry_transient_errors=True).http_request("get", "/projects")


async def by_aiohttp_retry(address):
    async with aiohttp_retry.RetryClient() as client, client.get(address) as answer:
        return answer.status


session = requests.Session()
session.mount("http://", requests.adapters.HTTPAdapter(max_retries=urllib3.Retry(3)))
status = {
    "urllib3": lambda address: urllib3.request("GET", address, retries=urllib3.Retry(3)).status,
    "requests": lambda address: session.get(address).status_code,
    "httpx-retries": lambda address: httpx.Client(transport=httpx_retries.RetryTransport()).get(address).status_code,
    "retryhttp": lambda address: by_retryhttp(address).status_code,
    "backoff": lambda address: by_backoff(address).status_code,
    "tenacity": lambda address: by_tenacity(address).status_code,
    "Sickle": lambda address: sickle.Sickle(address, max_retries=3).harvest(verb="Identify").http_response.status_code,
    "python-gitlab": lambda address: by_gitlab(address).status_code,
    "jira": lambda address: jira.JIRA(address, get_server_info=False).projects() == [] and 200,
    "aiohttp-retry": lambda address: asyncio.run(by_aiohttp_retry(address)),
}


def ask(case):
    form, name = case.split()
    try:
        return status[name](f"{url}/{form}/{name}/")
    except Exception as error:
        return type(error).__name__


url = serve(answer)
cases = [f"{form} {name}" for form in ("seconds", "date", "past") for name in status]
with ThreadPoolExecutor(len(cases)) as pool:
    came = dict(zip(cases, pool.map(ask, cases)))
came |= json.loads(subprocess.run(["node", "ask.mjs", url], check=True, stdout=subprocess.PIPE).stdout)
seen = {case: (early[case], came[case]) for case in came}

heedless = ("aiohttp-retry", "fetch-retry", "ofetch", "superagent", "make-fetch-happen", "@octokit+plugin-retry")
too_early = {f"{form} {name}" for form in ("seconds", "date") for name in heedless} | {"date @vercel+fetch-retry"}
assert all(early[case] > 1 for case in too_early), seen
expected = {case: (1, 200) for case in seen if case not in too_early}
for name in ("Sickle", "python-gitlab", "jira", "backoff", "tenacity"):
    expected |= {f"date {name}": (1, "ValueError"), f"past {name}": (1, "ValueError")}
expected |= {"date link-check": (3, "dead, non standard"), "past link-check": (1, "alive, non standard")}
expected |= {"date retryhttp": (3, "RetryError"), "past retry-axios": (1, "AxiosError")}
assert {case: seen[case] for case in expected} == expected, seen
for case, (before, outcome) in sorted(seen.items()):
    if case.startswith("date"):
        print(f"as observed: told a {case.replace('+', '/')}: requests before it: {before}; in the end: {outcome}")
PYTHON
