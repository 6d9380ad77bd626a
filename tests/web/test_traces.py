"""Traces, with a collector that is a real server: what one request did, in every process that had a part in it."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from farmlokal.telemetry.traceparent import TraceParent, parse_traceparent
from tests.servers.process import free_port
from tests.support.command import DONE_WAIT_MAX_S, developers, make_catalogue, operators, running, wait_until_ready
from tests.support.log_lines import logged
from tests.support.partner import odd_upstream
from tests.support.products import catalogue
from tests.support.raw_requests import ask
from tests.support.service import serving, settings_for
from tests.web.collector import CLIENT, INTERNAL, SERVER, Collector, Received, collecting, environment

API_KEY = "a-key-for-those-who-trace"
CALLER = TraceParent("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", 1, "vendor=value")


class TokenStub:
    """A token endpoint and feed that notes the headers of each call."""

    def __init__(self) -> None:
        self.headers: list[dict[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        """A token, or an empty feed."""
        self.headers.append(dict(request.headers))
        if request.path == "/token":
            return web.json_response(
                {"access_token": "a-token-of-the-stub", "token_type": "bearer", "expires_in": 3600}
            )
        return web.json_response({"products": [], "next_page_token": None, "as_of": "2026-11-22T10:15:00Z"})


def partner_variables(token_url: str, partner_url: str) -> dict[str, str]:
    """The settings of a service with this partner."""
    return {
        "FARMLOKAL_API_KEYS": API_KEY,
        "FARMLOKAL_OAUTH_TOKEN_URL": token_url,
        "FARMLOKAL_OAUTH_CLIENT_ID": "farmlokal",
        "FARMLOKAL_OAUTH_CLIENT_SECRET": "a-secret-of-the-tests",
        "FARMLOKAL_PARTNER_URL": partner_url,
    }


@asynccontextmanager
async def service(variables: dict[str, str], folder: Path, *arguments: str) -> AsyncIterator[str]:
    """The URL of a service process; it ends in good order."""
    port = free_port()
    with running(variables, folder, "serve", "--port", str(port), *arguments) as process:
        await asyncio.to_thread(wait_until_ready, process, port)
        yield f"http://127.0.0.1:{port}"
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(process.communicate, timeout=DONE_WAIT_MAX_S)
        assert 0 == process.returncode, log


def only(spans: list[Received]) -> Received:
    """The one span in `spans`."""
    (span,) = spans
    return span


async def test_a_miss_and_a_partner_call_nest_across_processes(tmp_path: Path, mysql_url: str, redis_url: str) -> None:
    """The client's span, the service's, the cache's, Redis's and MySQL's; and the partner's, another service's."""
    (tmp_path / "partner").mkdir()
    partner = developers(tmp_path / "partner") | {"OTEL_SERVICE_NAME": "the-partner"}
    shared = operators(tmp_path, mysql_url, redis_url)
    await asyncio.to_thread(make_catalogue, partner)
    await asyncio.to_thread(make_catalogue, shared)
    stub = TokenStub()
    async with (
        collecting() as collector,
        odd_upstream(stub.answer) as stub_url,
        service(partner | environment(collector.url), tmp_path) as partner_url,
        service(
            shared | partner_variables(f"{stub_url}/token", partner_url) | environment(collector.url),
            tmp_path,
            *("--workers", "2"),
        ) as url,
        ClientSession(headers={**CALLER.headers, "X-API-Key": API_KEY}) as client,
    ):
        async with client.get(f"{url}/products?district=Pune&limit=7") as answer:
            assert "fwd=miss" in answer.headers["Cache-Status"]
        async with client.post(f"{url}/external/sync") as answer:
            # The other service has a listing there, which knows no page_size.
            assert 502 == answer.status, await answer.text()
        await collector.until(lambda: len(collector.named("GET /products")) == 2)
        await collector.until(lambda: collector.named("POST /external/sync"))

    assert_miss(collector)
    assert_partner_call(collector)
    (token_call,) = stub.headers
    token_span = only([span for span in collector.named("POST") if "/token" in span.attributes["url.full"]])
    assert f"00-{CALLER.trace_id}-{token_span.span_id}-01" == token_call["traceparent"]
    assert CALLER.state == token_call["tracestate"]
    assert "token request" == only([s for s in collector.spans if s.span_id == token_span.parent_id]).name
    for body in collector.bodies:
        for hidden in (b"Pune", b"page_size", b"a-token-of-the-stub", API_KEY.encode(), b"a-secret-of-the-tests"):
            assert hidden not in body


def assert_miss(collector: Collector) -> None:
    """The first request: client, request, cache look-up, and below it Redis and one SELECT."""
    request = only([span for span in collector.named("GET /products") if "farmlokal.cache.key" in span.attributes])
    assert (SERVER, CALLER.trace_id, CALLER.span_id) == (request.kind, request.trace_id, request.parent_id)
    assert ("GET", "/products", "/products", 200, "miss", False) == (
        *(
            request.attributes[name]
            for name in (
                "http.request.method",
                "http.route",
                "url.path",
                "http.response.status_code",
                "farmlokal.cache.outcome",
            )
        ),
        request.failed,
    )
    lookup = only(collector.children(request))
    assert ("cache lookup", INTERNAL, "miss") == (
        lookup.name,
        lookup.kind,
        lookup.attributes["farmlokal.cache.outcome"],
    )
    assert request.attributes["farmlokal.cache.key"] == lookup.attributes["farmlokal.cache.key"]
    work = collector.below(lookup)
    assert {"redis fetch", "redis acquire", "redis store", "SELECT"} == {span.name for span in work}
    assert {CLIENT} == {span.kind for span in work}
    assert {"redis": "MGET", "mysql": "SELECT"} == {
        span.attributes["db.system.name"]: span.attributes["db.operation.name"]
        for span in work
        if span.name in ("redis fetch", "SELECT")
    }
    assert "farmlokal" == request.resource["service.name"]


def assert_partner_call(collector: Collector) -> None:
    """The second: the attempt in one process is the parent of the request in the other."""
    sync = only(collector.named("POST /external/sync"))
    answered = only(
        [span for span in collector.named("GET /products") if span.resource["service.name"] == "the-partner"]
    )
    attempt = only([span for span in collector.spans if span.span_id == answered.parent_id])
    assert (SERVER, CLIENT, "GET") == (answered.kind, attempt.kind, attempt.name)
    assert {CALLER.trace_id} == {span.trace_id for span in (sync, attempt, answered)}
    assert attempt in collector.below(sync)
    assert (400, 400) == tuple(span.attributes["http.response.status_code"] for span in (attempt, answered))
    assert (False, True) == (answered.failed, sync.failed)
    assert "farmlokal" == attempt.resource["service.name"]
    assert attempt.resource["process.pid"] == sync.resource["process.pid"] != answered.resource["process.pid"]


async def test_a_collector_that_is_away_is_one_line_and_no_delay(tmp_path: Path) -> None:
    """Requests are answered, the log says once that spans are lost, and the end is not held up."""
    variables = developers(tmp_path)
    await asyncio.to_thread(make_catalogue, variables)
    port = free_port()
    nobody = environment(f"http://127.0.0.1:{free_port()}") | {"OTEL_EXPORTER_OTLP_TIMEOUT": "1"}
    with running(variables | nobody, tmp_path, "serve", "--port", str(port)) as process:
        await asyncio.to_thread(wait_until_ready, process, port)
        for number in range(30):
            assert 200 == (await ask(port, f"/products?limit={1 + number % 3}")).status
            await asyncio.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        _, log = await asyncio.to_thread(process.communicate, timeout=DONE_WAIT_MAX_S)
    assert 0 == process.returncode
    lines = [json.loads(line) for line in log.splitlines()]
    assert [("warning", "trace collector")] == [
        (line["level"], line.get("dependency")) for line in lines if line["level"] != "info"
    ]


@pytest.fixture
async def stub() -> AsyncIterator[tuple[TokenStub, str]]:
    """A partner that notes headers, and its URL."""
    partner = TokenStub()
    async with odd_upstream(partner.answer) as url:
        yield partner, url


async def synced(tmp_path: Path, url: str, headers: str) -> list[Any]:
    """The log lines of one sync that came with these header lines; without a tracing library at work."""
    variables = partner_variables(f"{url}/token", url)
    others = {name.removeprefix("FARMLOKAL_").lower(): value for name, value in variables.items()}
    with logged() as events:
        async with serving(settings_for(await catalogue(tmp_path), **others)) as running_service:
            sent = f"X-API-Key: {API_KEY}\r\n{headers}"
            answer = await ask(running_service.port, "/external/sync", method="POST", headers=sent)
            assert 200 == answer.status, answer.body
    return events


async def test_a_callers_trace_goes_on_without_a_tracing_library(tmp_path: Path, stub: tuple[TokenStub, str]) -> None:
    """Its id is in the log lines, and on each call to the partner with a new span's and what vendors added."""
    partner, url = stub
    lines = "".join(f"{name}: {value}\r\n" for name, value in CALLER.headers.items())
    events = await synced(tmp_path, url, lines)
    (begun,) = [event for event in events if event["event"] == "sync begins"]
    assert CALLER.trace_id == begun["trace_id"]
    passed_on = [parse_traceparent([call["traceparent"]], [call["tracestate"]]) for call in partner.headers]
    positions = [position for position in passed_on if position is not None]
    assert 2 == len(positions)
    assert {(CALLER.trace_id, 1, CALLER.state)} == {(here.trace_id, here.flags, here.state) for here in positions}
    assert 3 == len({CALLER.span_id, *(here.span_id for here in positions)})


@pytest.mark.parametrize("header", ["", "traceparent: 00-nonsense-00f067aa0ba902b7-01\r\n"])
async def test_without_a_caller_to_believe_there_is_no_trace(
    tmp_path: Path, stub: tuple[TokenStub, str], header: str
) -> None:
    """A malformed header is as good as none: no id in the log, none passed on."""
    partner, url = stub
    events = await synced(tmp_path, url, header)
    assert not any("trace_id" in event for event in events)
    assert not any("traceparent" in {name.lower() for name in call} for call in partner.headers)
