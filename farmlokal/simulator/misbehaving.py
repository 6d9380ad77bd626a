"""The partner's faults carried out: a middleware around its routes."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler

from farmlokal.simulator.faults import LATENCY_MAX_S, Fault, Kind
from farmlokal.simulator.partner import PARTNER

_CONTROL = "/control/"


@web.middleware
async def misbehave(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer as the fault that is drawn for the request says; as the route does when there is none."""
    resource = request.match_info.route.resource
    if resource is None or request.path.startswith(_CONTROL):
        return await handler(request)
    fault = request.app[PARTNER].faults.draw(f"{request.method} {resource.canonical}")
    if fault is None:
        return await handler(request)
    if fault.kind is Kind.LATENCY:
        await asyncio.sleep(fault.latency_s)
    elif fault.kind is Kind.REVOKE:
        request.app[PARTNER].credentials.revoke(request.headers.get("Authorization", "").partition(" ")[2])
    elif (instead := await _instead(request, fault)) is not None:
        return instead
    return await _spoilt(request, fault, await handler(request))


async def _instead(request: web.Request, fault: Fault) -> web.Response | None:
    """The answer in place of the route's own; None for a fault that needs the route's."""
    if fault.kind is Kind.STATUS:
        return web.Response(status=fault.status, headers=_retry_after(fault), text="out of order")
    if fault.kind is Kind.REDIRECT:
        return web.Response(status=302, headers={"Location": fault.location})
    if fault.kind is Kind.HANG:
        await asyncio.sleep(LATENCY_MAX_S)
    if fault.kind in (Kind.HANG, Kind.REFUSE):
        _abort(request)
        return web.Response()
    return None


def _retry_after(fault: Fault) -> dict[str, str]:
    if fault.retry_after_s is None:
        return {}
    if not fault.retry_after_as_date:
        return {"Retry-After": str(fault.retry_after_s)}
    # A date has whole seconds: rounded up, so that nobody is asked to come early.
    moment = datetime.now(UTC) + timedelta(seconds=fault.retry_after_s + 1)
    return {"Retry-After": format_datetime(moment.replace(microsecond=0), usegmt=True)}


async def _spoilt(request: web.Request, fault: Fault, response: web.StreamResponse) -> web.StreamResponse:
    """The route's `response`, spoilt as `fault` says."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    body = response.body
    if fault.kind is Kind.TRUNCATED:
        return web.Response(body=body[: len(body) // 2], content_type="application/json")
    if fault.kind is Kind.CONTENT_TYPE:
        return web.Response(text="<h1>Welcome to the airport</h1>", content_type="text/html")
    if fault.kind is Kind.BAD_TOKEN:
        request.app[PARTNER].credentials.revoke(orjson.loads(body).get("access_token", ""))
    if fault.kind is Kind.RESET:
        return await _broken_off(request, body)
    return response


async def _broken_off(request: web.Request, body: bytes) -> web.StreamResponse:
    broken = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
    await broken.prepare(request)
    await broken.write(body[: len(body) // 2])
    _abort(request)
    return broken


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
