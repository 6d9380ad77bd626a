"""Answers whose bytes are known from the start: pages, scripts, the API's document."""

import asyncio
from http import HTTPStatus

from aiohttp import web
from multidict import CIMultiDict

from farmlokal.caching.value import Value
from farmlokal.web.answers.representation import preconditions_of, select


async def static_answer(
    request: web.Request, value: Value, content_type: str, *, cache_control: str, policy: str | None = None
) -> web.Response:
    """The representation of `value` that `request` wants, or 304. policy: the Content-Security-Policy of a page."""
    selected = select(preconditions_of(request.headers), value)
    headers: CIMultiDict[str] = CIMultiDict(
        {"ETag": selected.etag, "Cache-Control": cache_control, "Vary": "Accept-Encoding"}
    )
    if selected.status is HTTPStatus.NOT_MODIFIED:
        return web.Response(status=selected.status, headers=headers)
    headers["Content-Type"] = content_type
    if policy is not None:
        headers["Content-Security-Policy"] = policy
    if selected.coding is not None:
        headers["Content-Encoding"] = selected.coding
        if selected.coding not in value.variants:
            # A script of a megabyte takes tens of milliseconds, once, in which others are to be answered.
            await asyncio.to_thread(value.coded, selected.coding)
    return web.Response(body=value.coded(selected.coding), headers=headers)
