"""The client against every fault of the partner: the right error with the upstream's story, within the deadline."""

import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from farmlokal.errors import PartnerError, PartnerFailed, PartnerUnavailable
from farmlokal.partner.outbound.guards import Limits
from tests.servers.certificates import make_certificates
from tests.support.lateness import within
from tests.support.partner import FEED, IMPATIENT, LIMITS, PartnerStand, connections_in_use, odd_upstream, partner_stand


@pytest.fixture
async def partner() -> AsyncIterator[PartnerStand]:
    """A partner of its own for each test."""
    async with partner_stand() as standing:
        yield standing


def fault(kind: str, **more: Any) -> dict[str, Any]:
    """A fault of the feed."""
    return {"kind": kind, "route": FEED, **more}


async def failure(partner: PartnerStand, *, limits: Limits = LIMITS, **more: Any) -> PartnerError:
    """The error that a page of the feed ends with."""
    connection = partner.connect(limits=limits, **more)
    async with within(limits.deadline_s):
        with pytest.raises(PartnerError) as caught:
            await connection.client.get_json("/products")
    assert 0 == connections_in_use(connection)
    assert "not-a-secret" not in str(caught.value)
    return caught.value


# The kinds of fault that leave the client waiting, and who waits: time for each attempt, on a busy machine too.
SILENT = ("hang", "latency")
WAITING = IMPATIENT._replace(deadline_s=20)
PASSING = [
    fault("status", status=429),
    fault("status", status=502),
    fault("status", status=503),
    fault("status", status=503, retry_after_s=1),
    fault("status", status=503, retry_after_s=0, retry_after_as_date=True),
    fault("status", status=504),
    fault("hang"),
    fault("refuse"),
    fault("latency", latency_s=2),
    fault("reset"),
    fault("truncated"),
]


@pytest.mark.parametrize("once", PASSING, ids=lambda one: "-".join(map(str, list(one.values())[::2])))
async def test_a_passing_fault_is_repeated_away(partner: PartnerStand, once: dict[str, Any]) -> None:
    """What goes wrong once costs the caller time and nothing else, and no connection."""
    partner.fault({**once, "times": 1})
    connection = partner.connect(limits=WAITING if once["kind"] in SILENT else LIMITS)
    page = await connection.client.get_json("/products", {"page_size": "3"})
    assert ["1", "2", "3"] == [row["external_id"] for row in page["products"]]
    assert (1, 2) == (connection.client.stats.calls, connection.client.stats.attempts)
    assert (2, 0) == (partner.requests(FEED), connections_in_use(connection))


@pytest.mark.parametrize(
    ("lasting", "kind", "status", "story"),
    [
        (fault("status", status=429), PartnerUnavailable, 429, "answered 429"),
        (fault("status", status=500), PartnerFailed, 500, "answered 500"),
        (fault("status", status=502), PartnerFailed, 502, "answered 502"),
        (fault("status", status=503), PartnerUnavailable, 503, "answered 503"),
        (fault("status", status=404), PartnerFailed, 404, "answered 404"),
        (fault("hang"), PartnerUnavailable, None, "did not answer within 1 s"),
        (fault("refuse"), PartnerUnavailable, None, "broke off the connection"),
        (fault("reset"), PartnerFailed, 200, "broke off its answer"),
        (fault("truncated"), PartnerFailed, 200, "JSON that breaks off"),
        (fault("content_type"), PartnerFailed, 200, "text/html where JSON is due"),
        (fault("redirect", location="https://elsewhere.example/"), PartnerFailed, 302, "redirects (302)"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)
async def test_a_lasting_fault_is_told(
    partner: PartnerStand, lasting: dict[str, Any], kind: type[PartnerError], status: int | None, story: str
) -> None:
    """The error says which host, which status, after how many attempts, and what went wrong."""
    partner.fault(lasting)
    error = await failure(partner, limits=WAITING if lasting["kind"] in SILENT else LIMITS)
    assert kind is type(error)
    assert story in str(error)
    host = partner.url.removeprefix("http://")
    assert (host, status, partner.requests(FEED)) == error.upstream[:3]


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
async def test_a_wait_beyond_the_deadline_is_passed_on(partner: PartnerStand, as_date: bool) -> None:
    """Nobody waits for what cannot come in time: the call fails now, and says when to come back."""
    partner.fault(fault("status", status=503, retry_after_s=30, retry_after_as_date=as_date))
    error = await failure(partner, limits=LIMITS._replace(deadline_s=20))
    assert isinstance(error, PartnerUnavailable)
    # What a date says is less by the time that the answer took.
    assert error.retry_after_s is not None
    assert (25 if as_date else 30) <= error.retry_after_s <= (31 if as_date else 30)
    assert (503, 1, 0.0) == error.upstream[1:]


async def test_a_wait_within_the_deadline_is_waited(partner: PartnerStand) -> None:
    """The partner said one second, and one second it gets."""
    partner.fault(fault("status", status=429, retry_after_s=1, times=1))
    started = time.monotonic()
    await partner.client().get_json("/products")
    assert 1 <= time.monotonic() - started
    assert 2 == partner.requests(FEED)


@pytest.mark.parametrize("kind", ["refuse", "reset", "hang", "status"])
async def test_what_cannot_be_repeated_is_sent_once(partner: PartnerStand, kind: str) -> None:
    """A POST that failed may have been carried out: not even a broken connection is a reason to send it again."""
    route = "POST /oauth/revoke"
    partner.fault({"kind": kind, "route": route})
    with pytest.raises(PartnerError) as caught:
        await partner.client(limits=IMPATIENT).post_json("/oauth/revoke", {"token": "x"})
    assert (1, 1) == (caught.value.upstream.attempts, partner.requests(route))


async def test_an_endless_answer_is_cut(partner: PartnerStand) -> None:
    """An answer of more than the limit ends at the limit, whatever its length was said to be."""

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        while True:
            await response.write(b" " * 65_536)

    async with odd_upstream(endless) as url:
        error = await failure(partner, base_url=url, limits=LIMITS._replace(body_bytes_max=10**6))
    assert PartnerFailed is type(error)
    assert "more than 1000000 bytes" in str(error)


async def test_credentials_follow_to_no_other_host(partner: PartnerStand) -> None:
    """A redirect is not followed: the host that it names never hears of us."""
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({})

    async with odd_upstream(elsewhere) as url:
        for route in (FEED, "POST /oauth/token"):
            partner.fault({"kind": "redirect", "route": route, "location": f"{url}/stolen"})
            assert PartnerFailed is type(await failure(partner))
    assert [] == asked


async def test_a_host_that_is_not_there(partner: PartnerStand) -> None:
    """Nobody listening is no answer: unavailable, with the reason of the operating system."""
    async with partner_stand() as other:
        gone = other.url
    error = await failure(partner, base_url=gone)
    assert PartnerUnavailable is type(error)
    assert "cannot be reached" in str(error)
    assert (None, 4) == error.upstream[1:3]


async def test_a_certificate_that_nobody_signed(partner: PartnerStand, tmp_path: Path) -> None:
    """The bearer token goes to nobody who only says that he is the partner."""
    certificates = make_certificates(tmp_path)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificates.cert_path, certificates.key_path)
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({})

    async with odd_upstream(elsewhere, tls=tls) as url:
        error = await failure(partner, base_url=url)
    assert PartnerUnavailable is type(error)
    assert "a certificate that is not trusted" in str(error)
    assert ([], 1) == (asked, error.upstream.attempts)


@pytest.mark.parametrize("path", ["//elsewhere.example/x", "/../x", "/x?y=1#z", "http://elsewhere.example/"])
async def test_a_path_never_leaves_the_partner(partner: PartnerStand, path: str) -> None:
    """Whatever a path looks like, the request goes to the partner's host."""
    with pytest.raises(PartnerFailed, match="answered 404") as caught:
        await partner.client().get_json(path)
    assert partner.url.removeprefix("http://") == caught.value.upstream.host
    assert 1 == partner.requests("GET (no route)")
