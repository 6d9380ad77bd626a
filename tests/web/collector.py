"""A trace collector's stand-in: a real HTTP server that takes OTLP, and what it was sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span as WireSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from tests.servers.process import free_port

ARRIVAL_WAIT_MAX_S = 20.0
SERVER, CLIENT, INTERNAL = (
    WireSpan.SPAN_KIND_SERVER,
    WireSpan.SPAN_KIND_CLIENT,
    WireSpan.SPAN_KIND_INTERNAL,
)


@dataclass(frozen=True)
class Received:
    """One span as it arrived, ids in hex; `resource` says which process sent it."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]


@dataclass
class Collector:
    """What arrived; headers by their names in lower case. status: what it answers from now on."""

    url: str
    spans: list[Received] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    status: int = 200

    def named(self, name: str) -> list[Received]:
        """The spans of this name."""
        return [span for span in self.spans if span.name == name]

    def children(self, parent: Received) -> list[Received]:
        """The spans right below `parent`, in whichever process."""
        return [span for span in self.spans if (span.trace_id, span.parent_id) == (parent.trace_id, parent.span_id)]

    def below(self, parent: Received) -> list[Received]:
        """Every span below `parent`."""
        return [span for child in self.children(parent) for span in (child, *self.below(child))]

    async def until(self, arrived: Callable[[], Any]) -> Any:
        """What `arrived` gives once that is something."""
        async with asyncio.timeout(ARRIVAL_WAIT_MAX_S):
            while True:
                found = arrived()
                if found:
                    return found
                await asyncio.sleep(0.05)

    async def take(self, request: web.Request) -> web.Response:
        """One export."""
        body = await request.read()
        self.bodies.append(body)
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        if self.status != 200:
            return web.Response(status=self.status)
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = _plain(group.resource.attributes)
            self.spans += [_received(span, resource) for scope in group.scope_spans for span in scope.spans]
        return web.Response(content_type="application/x-protobuf")


def environment(collector_url: str) -> dict[str, str]:
    """The variables that send a service's traces there, soon."""
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector_url, "OTEL_BSP_SCHEDULE_DELAY": "100"}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector until the block ends."""
    port = free_port()
    collector = Collector(f"http://127.0.0.1:{port}")
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield collector
    finally:
        await runner.cleanup()


def _received(span: WireSpan, resource: dict[str, Any]) -> Received:
    return Received(
        span.name,
        span.kind,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.status.code == Status.STATUS_CODE_ERROR,
        _plain(span.attributes),
        resource,
    )


def _plain(attributes: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in attributes}
