"""A real proxy that takes a prefix away (nginx): every address that an answer has holds before it, too."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import orjson
import pytest
import requests

from farmlokal.web.handlers import sync as sync_routes
from tests.servers import NginxServer
from tests.support.partner import partner_stand
from tests.support.products import PRODUCTS, catalogue
from tests.support.service import serving, settings_for
from tests.web.answer_trial import KEY, partner_settings

pytestmark = pytest.mark.proof

_SERVER = "location /shop/ {{ proxy_pass http://127.0.0.1:{port}/; }}"
# What the documentation of GitHub's interface tells its callers to look for.
_OCTOKIT_NEXT = re.compile(r'(?<=<)([\S]*)(?=>; rel="next")', re.IGNORECASE)
_FETCH = r"""
const ids = [];
let address = process.argv[1];
while (address) {
  const answer = await fetch(address);
  ids.push(...(await answer.json()).data.map((product) => product.id));
  const next = /(?<=<)([\S]*)(?=>; rel="next")/i.exec(answer.headers.get("link") ?? "");
  address = next && new URL(next[0], answer.url).href;
}
console.log(JSON.stringify(ids));
"""


@pytest.fixture
async def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The address of the service behind nginx, which takes `/shop` away. A sync takes longer than a request."""
    monkeypatch.setattr(sync_routes, "WAIT_MAX_S", 0.2)
    async with partner_stand() as partner:
        partner.fault({"kind": "latency", "latency_s": 0.8})
        settings = settings_for(await catalogue(tmp_path), **partner_settings(partner.url))
        async with serving(settings) as service:
            nginx = NginxServer(_SERVER.format(port=service.port))
            await asyncio.to_thread(nginx.start)
            try:
                yield f"{nginx.base_url}/shop"
            finally:
                await asyncio.to_thread(nginx.stop)


async def get(address: str, **options: Any) -> requests.Response:
    """The answer that `requests` has."""
    return await asyncio.to_thread(requests.get, address, timeout=20, **options)


async def test_links_lead_through_the_catalogue(shop: str) -> None:
    """By what `requests` makes of the header, and by what GitHub's callers do, forward and back again."""
    answer = await get(f"{shop}/products?limit=10&sort=price&utm_source=letter")
    ids, pages = [], 0
    while True:
        ids += [product["id"] for product in answer.json()["data"]]
        pages += 1
        if "next" not in answer.links:
            break
        found = _OCTOKIT_NEXT.search(answer.headers["Link"])
        assert found is not None
        assert answer.links["next"]["url"] == found[0]
        answer = await get(urljoin(answer.url, answer.links["next"]["url"]))
    assert PRODUCTS == len(ids) == len(set(ids))
    for _ in range(pages - 1):
        answer = await get(urljoin(answer.url, answer.links["prev"]["url"]))
    assert ids[:10] == [product["id"] for product in answer.json()["data"]]


async def test_fetch_walks_too(shop: str) -> None:
    """Node's `fetch`, with `new URL` as browsers have it."""
    node = shutil.which("node")
    assert node is not None, "no node: it is needed to try `fetch`"
    process = await asyncio.create_subprocess_exec(
        *(node, "--input-type=module", "--eval", _FETCH, f"{shop}/products?limit=10"), stdout=asyncio.subprocess.PIPE
    )
    printed, _ = await process.communicate()
    ids = orjson.loads(printed)
    assert PRODUCTS == len(ids) == len(set(ids))


async def test_other_addresses_hold(shop: str) -> None:
    """A run of the sync, the page of a problem's type, an address with a slash too many, the index, the documents."""
    started = await get(f"{shop}/external/sync", headers=KEY)
    assert 202 == started.status_code
    run = await get(urljoin(started.url, started.headers["Location"]), headers=KEY)
    assert (200, started.json()["run"]) == (run.status_code, run.json()["run"])
    for target in ("/products?limit=0", "/products/x", "/external/sync/1/2/3", "/nowhere"):
        refused = await get(f"{shop}{target}")
        explained = await get(urljoin(refused.url, refused.links["type"]["url"]))
        assert f"<h1>{refused.json()['title']}</h1>" in explained.text
    assert f"{shop}/products?limit=1" == (await get(f"{shop}/products/?limit=1")).url
    assert f"{shop}/docs" == (await get(f"{shop}/docs/")).url
    index = await get(f"{shop}/")
    for address in index.json()["documents"].values():
        assert (await get(urljoin(index.url, address))).ok
