"""`GET` and `POST /external/sync`, and `GET /external/sync/{run}`."""

from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from farmlokal.catalog.question.forms import FLAG
from farmlokal.catalog.question.parameter import Form
from farmlokal.errors import Fault, InvalidInput, NotFound
from farmlokal.partner.sync.run import Run, RunReport, RunState, ShownReject
from farmlokal.partner.sync.service import Sync
from farmlokal.web import keys
from farmlokal.web.answers import problems
from farmlokal.web.edge.api_keys import require_api_key
from farmlokal.web.edge.middleware import REQUEST_ID
from farmlokal.web.parameters.parameter import Parameter
from farmlokal.web.parameters.query_string import parse_query_string, shown, unasked

# Proxies commonly give up on an answer after 30 or 60 seconds.
WAIT_MAX_S = 20.0
_RETRY_AFTER_S = 10
_RUN_CHARS_MAX = 32
FULL = Parameter("full", FLAG, "everything, not only changes; then what the feed lacks is marked gone", default=False)
RUN = Parameter(
    "run",
    Form(str, {"type": "string", "minLength": 1, "maxLength": _RUN_CHARS_MAX}),
    "the name of a run, as its summary tells it",
    "35709bfbea13eee8",
    place="path",
    required=True,
)


async def start_sync(request: web.Request) -> web.Response:
    """Sync with the partner's feed: start a run or join the one under way.

    200 with the summary at its end; 202 with `Location` where it takes longer than a request should; 502 or 503 where
    the run came to nothing.
    """
    require_api_key(request)
    full = _full(request)
    _ = request.app[keys.PARTNER].client  # raises NotConfigured, before there is a run
    sync = request.app[keys.SYNC]
    run = await sync.run(full=full, wait_max_s=WAIT_MAX_S)
    return _answer(request, run, sync)


async def show_sync(request: web.Request) -> web.Response:
    """How one run stands, with the rows that it rejected and why."""
    require_api_key(request)
    name = request.match_info["run"]
    sync = request.app[keys.SYNC]
    run = await sync.runs.get(name) if name.isascii() and len(name) <= _RUN_CHARS_MAX else None
    if run is None:
        raise NotFound(f"there is no sync run {shown(name)}, or no longer")
    rejects = [ShownReject(external_id=one.external_id, reason=one.reason) for one in await sync.runs.rejects(run)]
    report: RunReport = {**run.summary(sync.runs.now_ms()), "rejects": rejects}
    return _json(report)


async def stop_sync(app: web.Application) -> None:
    """Before requests in flight are waited for: a run ends after the batch under way, and its callers are answered."""
    await app[keys.SYNC].stop()


def _full(request: web.Request) -> bool:
    values, faults = parse_query_string(request.raw_path.partition("?")[2], request.app[keys.IGNORED_PARAMETERS])
    texts = values.pop("full", ["false"])
    faults += unasked(values)
    if len(texts) > 1:
        faults.append(Fault("full", shown(", ".join(texts)), "must be given once"))
    try:
        full: bool = FULL.form.parse(texts[0])
    except ValueError as error:
        faults.append(Fault("full", shown(texts[0]), str(error)))
    if faults:
        raise InvalidInput(faults)
    return full


def _answer(request: web.Request, run: Run, sync: Sync) -> web.Response:
    state = run.shown_state
    # Relative to `/external/sync`, whatever a proxy has taken away before it.
    location = {"Location": f"sync/{run.run}"}
    if state is RunState.DONE:
        return _json(run.summary(sync.runs.now_ms()))
    if state is RunState.RUNNING:
        return _json(run.summary(sync.runs.now_ms()), status=202, headers=location)
    kind = problems.SYNC_FAILED if state is RunState.FAILED else problems.UNAVAILABLE
    if state is RunState.INTERRUPTED:
        location["Retry-After"] = str(run.retry_after_s or _RETRY_AFTER_S)
    detail = f"sync run {run.run} {state}: {run.error or 'its process stopped; the next call goes on with it'}"
    return problems.problem_response(kind, detail, instance=request[REQUEST_ID], headers=location)


def _json(content: Mapping[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(content),
        status=status,
        headers={"Cache-Control": "no-store", **(headers or {})},
        content_type="application/json",
    )
