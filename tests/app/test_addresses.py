"""What an import fetches: files from any address, and the portal's records page by page with the operator's key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from farmlokal.app.addresses import Addresses, Portal, shown_address
from farmlokal.catalog.imports.inputs import SpoolFile
from farmlokal.errors import ImportRefused, NotConfigured
from farmlokal.partner.outbound.download import DownloadLimits

RECORDS = [{"state": "Kerala", "modal_price": str(number)} for number in range(25)]
PAGE_MAX = 10  # of the key, whatever is asked for
QUICK = DownloadLimits(attempts_max=2, backoff_base_s=0.001, backoff_max_s=0.001)


class Asked:
    """The queries of every request to the portal, and answers that go before its own."""

    def __init__(self) -> None:
        self.queries: list[dict[str, str]] = []
        self.first: list[web.Response] = []

    async def answer(self, request: web.Request) -> web.Response:
        """A page of the resource."""
        self.queries.append(dict(request.query))
        if self.first:
            return self.first.pop(0)
        offset, limit = int(request.query["offset"]), min(PAGE_MAX, int(request.query["limit"]))
        page = RECORDS[offset : offset + limit]
        return web.json_response({"status": "ok", "total": len(RECORDS), "count": len(page), "records": page})


@asynccontextmanager
async def portal() -> AsyncIterator[tuple[str, Asked]]:
    """The base address of a portal, and what it is asked."""
    asked = Asked()
    app = web.Application()
    app.router.add_get("/resource/prices", asked.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/"), asked


async def fetched(address: str, base: str, key: str | None = "hunter2") -> bytes:
    """What `address` has. base: the portal's."""
    addresses = Addresses(Portal(base, key), QUICK)
    try:
        with SpoolFile("spool") as spool:
            await addresses.fetch(address, spool)
            return spool.input_file().file.read()
    finally:
        await addresses.close()


def records(spooled: bytes) -> list[Any]:
    """The records of all pages."""
    return [record for line in spooled.splitlines() for record in orjson.loads(line)["records"]]


async def test_every_page_is_fetched_with_the_key() -> None:
    """A page begins after the records that came, of which there are fewer than were asked for."""
    async with portal() as (base, asked):
        spooled = await fetched(f"{base}/resource/prices?filters[state]=Kerala", base)
    assert RECORDS == records(spooled)
    common = {"filters[state]": "Kerala", "format": "json", "limit": "1000", "api-key": "hunter2"}
    assert [common | {"offset": str(offset)} for offset in (0, 10, 20)] == asked.queries


async def test_what_the_address_says_counts() -> None:
    """Its own key, its offset and its limit."""
    async with portal() as (base, asked):
        spooled = await fetched(f"{base}/resource/prices?api-key=mine&offset=20&limit=3", base, key=None)
    assert RECORDS[20:] == records(spooled)
    assert [("mine", "20", "3"), ("mine", "23", "3")] == [
        (query["api-key"], query["offset"], query["limit"]) for query in asked.queries
    ]


async def test_a_page_that_fails_is_asked_for_again() -> None:
    """Once is enough of a failure in passing: nothing of it is lost or doubled."""
    async with portal() as (base, asked):
        asked.first = [web.Response(status=503, headers={"Retry-After": "0"})]
        assert RECORDS == records(await fetched(f"{base}/resource/prices", base))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"status": 403, "text": '{"error": "Key not authorised"}'}, "127.0.0.1 answered 403: 'Key not authorised'"),
        (
            {"text": '{"status": "error", "message": "Meta not found"}'},
            "is an error of the portal's API: Meta not found",
        ),
        ({"text": "<html>"}, "is no answer of the portal's API: it is no JSON"),
        ({"text": '{"records": []}'}, "is no answer of the portal's API: it has no total"),
        ({"text": '{"records": [], "total": 25}'}, "has 25 records, and gives no more after 0"),
    ],
    ids=["refused", "error", "html", "no-total", "ends-early"],
)
async def test_a_portal_that_gives_no_records_is_quoted(answer: dict[str, Any], reason: str) -> None:
    """The refusal is one line with the address as it was given, and without the key."""
    async with portal() as (base, asked):
        asked.first = [web.Response(**answer)]
        with pytest.raises(ImportRefused) as refusal:
            await fetched(f"{base}/resource/prices?limit=10", base)
    assert "hunter2" not in str(refusal.value)
    assert str(refusal.value).startswith(f"{base}/resource/prices?")
    assert str(refusal.value).endswith(reason)


async def test_the_key_goes_nowhere_else() -> None:
    """Another address, even one that looks alike, is asked as it was given; the portal is not, without a key."""
    async with portal() as (base, asked):
        asked.first = [web.Response(text="a,b\n"), web.Response(text="a,b\n")]
        for other in (f"{base}/elsewhere", "https://api.data.gov.in"):
            assert b"a,b\n" == await fetched(f"{base}/resource/prices?x=1", other)
        assert [{"x": "1"}, {"x": "1"}] == asked.queries
        with pytest.raises(NotConfigured, match="FARMLOKAL_PORTAL_KEY is not set"):
            await fetched(f"{base}/resource/prices", base, key=None)
    assert not Portal("https://api.data.gov.in", "k").serves("https://api.data.gov.in.example/resource/1")
    assert not Portal("https://api.data.gov.in", "k").serves("http://api.data.gov.in/resource/1")


async def test_another_format_is_fetched_as_it_is() -> None:
    """The portal's CSV has no total to follow."""
    async with portal() as (base, asked):
        asked.first = [web.Response(text="State\n")]
        assert b"State\n" == await fetched(f"{base}/resource/prices?format=csv", base)
    assert [{"format": "csv", "api-key": "hunter2"}] == asked.queries


def test_an_address_is_shown_without_secrets() -> None:
    """Neither a user nor a key, whatever the parameter is called exactly."""
    assert "https://host/a.csv?state=Goa&api-key=…&access_token=…" == shown_address(
        "https://farmer:hunter2@host/a.csv?state=Goa&api-key=hunter2&access_token=hunter2#part"
    )
