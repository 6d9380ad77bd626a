#!/usr/bin/env bash
# Five of six OAuth clients for Python fetch a token for each thread that waits, two of them one after the other.
#
# Expected:  a client that fetches its tokens by the client credentials grant and keeps them asks the token endpoint
#            once, where ten requests begin at the same time and there is no token yet, or the last one has expired.
#            Where it has a lock, the lock is there for that.
# Observed:  from ten threads httpx-auth, requests-auth, requests-oauth2client and dlt fetch ten tokens, each time, and
#            so does Authlib's OAuth2Client when its token expires (the first is fetched by a call of its own). All keep
#            the last one, and ask for none while it is fresh. httpx-auth and requests-auth have a lock, and do not look
#            again behind it: they fetch the ten in turn. With an endpoint that takes 0.5 s the last of a hundred
#            threads waits 50 s, though a token has been there since the first half second. PyIceberg looks behind its
#            lock, and fetches one; so does Authlib's AsyncOAuth2Client for ten tasks.
# Versions:  httpx-auth 0.23.1, requests-auth 8.0.0, requests-oauth2client 1.8.0, dlt 1.31.0, Authlib 1.9.10, pyiceberg
#            0.12.0 (PyPI); below them httpx 0.28.1, httpx2 2.16.2, requests 2.34.2
# For us:    callers share one request, with Redis those of all processes (docs/partner.md, "The token";
#            tests/partner/test_tokens.py, also for a token that has expired).
# Source:    authlib/authlib issue 266 tells of it in the async client, which has a lock since; Colin-b/httpx_auth issue
#            72 proposes one lock, behind which the expiry is looked at. Auth0's documentation has quotas against bursts
#            of such requests ("Fine-Grained Machine-to-Machine Token Quotas").
set -euo pipefail

here=$(dirname "$(realpath "$0")")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'httpx-auth==0.23.1' 'requests-auth==8.0.0' 'requests-oauth2client==1.8.0' \
  'dlt==1.31.0' 'Authlib==1.9.10' 'pyiceberg==0.12.0' 'httpx==0.28.1' 'httpx2==2.16.2' 'requests==2.34.2'

cd "$folder"
HOME="$folder" PYTHONPATH="$here/servers" venv/bin/python -B - <<'PYTHON'
import asyncio
import json
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise

import httpx
import httpx_auth
import requests
import requests_auth
import requests_oauth2client
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.auth import OAuth2ClientCredentials
from http_origin import serve
from pyiceberg.catalog.rest.auth import AuthManagerAdapter, OAuth2AuthManager

CALLERS, LIFE_S, SLOW_S = 10, 3, 0.4
numbers, first_asked, spans, pages = count(1), {}, defaultdict(list), defaultdict(list)


def answer(target, fields):
    """A page; or a token, SLOW_S after the first of those who ask together has asked, and to later ones at once."""
    _, kind, client, *lifetime = target.split("/")
    if kind == "page":
        pages[client].append(fields["Authorization"])
        return 200, {}, b"page"
    begun = time.monotonic()
    time.sleep(max(first_asked.setdefault(client, begun) + SLOW_S - begun, 0.01))
    spans[client].append((begun, time.monotonic()))
    token = {"access_token": f"token-{next(numbers)}", "token_type": "Bearer", "expires_in": int(*lifetime)}
    return 200, {"Content-Type": "application/json", "Cache-Control": "no-store"}, json.dumps(token).encode()


def requested(client):
    """How many tokens the client has fetched since this was last asked, and how that lay in time."""
    asked, shown = sorted(spans.pop(client, [])), pages.pop(client)
    first_asked.pop(client, None)
    assert len(shown) == CALLERS and all(one.startswith("Bearer token-") for one in shown), (client, shown)
    if len(asked) > 1 and all(ended <= begun for (_, ended), (begun, _) in pairwise(asked)):
        return f"{len(asked)} in turn"
    if len(asked) > 1 and asked[-1][0] < min(ended for _, ended in asked):
        return f"{len(asked)} at once"
    return len(asked)


def by_requests(auth, page):
    return lambda: requests.get(page, auth=auth)


def by_httpx_auth(token, page):
    client = httpx.Client(auth=httpx_auth.OAuth2ClientCredentials(token, "id", "secret"))
    return lambda: client.get(page)


def by_requests_auth(token, page):
    return by_requests(requests_auth.OAuth2ClientCredentials(token, "id", "secret"), page)


def by_requests_oauth2client(token, page):
    client = requests_oauth2client.OAuth2Client(token_endpoint=token, auth=("id", "secret"), testing=True)  # http:
    return by_requests(requests_oauth2client.OAuth2ClientCredentialsAuth(client), page)


def by_dlt(token, page):
    auth = OAuth2ClientCredentials(access_token_url=token, client_id="id", client_secret="secret")
    client = RESTClient(base_url=url, auth=auth)
    return lambda: client.get(page.removeprefix(url))


def by_pyiceberg(token, page):
    return by_requests(AuthManagerAdapter(OAuth2AuthManager("id", "secret", token)), page)


def by_authlib(token, page):
    client = OAuth2Client("id", "secret", token_endpoint=token, grant_type="client_credentials")
    client.fetch_token()
    return lambda: client.get(page)


def by_authlib_async(token, page):
    client = AsyncOAuth2Client("id", "secret", token_endpoint=token, grant_type="client_credentials")
    loop.run(client.fetch_token())
    return lambda: client.get(page)


def burst(client, get):
    """Ten requests at the same time: of tasks where the client is asynchronous, else of threads."""
    gate = threading.Barrier(CALLERS)

    async def tasks():
        await asyncio.gather(*(get() for _ in range(CALLERS)))

    if client == "Authlib-AsyncOAuth2Client":
        loop.run(tasks())
    else:
        with ThreadPoolExecutor(CALLERS) as pool:
            list(pool.map(lambda _: (gate.wait(), get()), range(CALLERS)))
    return requested(client)


# How many seconds before its end a token counts as expired, where the client is told no other number.
CLIENTS = {
    "httpx-auth": (by_httpx_auth, 30),
    "requests-auth": (by_requests_auth, 30),
    "requests-oauth2client": (by_requests_oauth2client, 20),
    "dlt": (by_dlt, 0),
    "Authlib-OAuth2Client": (by_authlib, 60),
    "Authlib-AsyncOAuth2Client": (by_authlib_async, 60),
    "PyIceberg": (by_pyiceberg, 60),
}
url, gets, seen = serve(answer), {}, {}
with asyncio.Runner() as loop:
    for client, (of, margin_s) in CLIENTS.items():
        gets[client] = of(f"{url}/token/{client}/{margin_s + LIFE_S}", f"{url}/page/{client}")
        seen[client] = [burst(client, gets[client]), burst(client, gets[client])]
    time.sleep(LIFE_S + 0.1)
    for client, get in gets.items():
        seen[client].append(burst(client, get))

expected = {client: ["10 in turn", 0, "10 in turn"] for client in ("httpx-auth", "requests-auth")}
expected |= {client: ["10 at once", 0, "10 at once"] for client in ("requests-oauth2client", "dlt")}
expected |= {"Authlib-OAuth2Client": [1, 0, "10 at once"]}
expected |= {client: [1, 0, 1] for client in ("Authlib-AsyncOAuth2Client", "PyIceberg")}
assert seen == expected, seen
for client, (none_yet, fresh, expired) in seen.items():
    print(f"as observed: tokens for ten callers by {client}: {none_yet}; while fresh {fresh}; when expired {expired}")
PYTHON
