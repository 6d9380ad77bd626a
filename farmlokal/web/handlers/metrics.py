"""`GET /metrics`: Prometheus's text format, or OpenMetrics for whoever asks for it."""

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from farmlokal.web import keys

PATH = "/metrics"


async def show_metrics(request: web.Request) -> web.Response:
    """The metrics of every process of this service. Waits for nobody, whatever else is down."""
    encode, content_type = choose_encoder(", ".join(request.headers.getall("Accept", ())))
    headers = {"Content-Type": content_type, "Cache-Control": "no-store"}
    return web.Response(body=encode(request.app[keys.METRICS]), headers=headers)
