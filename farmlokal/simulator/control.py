"""The simulator's own control routes: what a demo or a test does to the partner, and what it sees of it."""

from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

from farmlokal.errors import InvalidRecord, NotFound
from farmlokal.simulator.answers import answer, refusal
from farmlokal.simulator.faults import FaultPlan
from farmlokal.simulator.partner import PARTNER

routes = web.RouteTableDef()

# The partner raises the version itself, and every row of the feed is its own.
_NOT_SETTABLE = {"version", "source"}


@routes.get("/control/stats")
async def stats(request: web.Request) -> web.Response:
    """Tell how many requests came to each route, how many tokens were issued, and how many products were changed."""
    partner = request.app[PARTNER]
    credentials, catalogue = partner.credentials, partner.catalogue
    return answer(
        {
            "requests": dict(partner.requests),
            "tokens": {"issued": credentials.issued, "revoked": credentials.revoked, "live": credentials.live},
            "faults": dict(partner.faults.hits),
            "products": {"total": catalogue.products, "changed": catalogue.changed},
        }
    )


@routes.post("/control/products")
async def change_product(request: web.Request) -> web.Response:
    """Change one product, `{"external_id": "7", "price": "31.00"}` or `"deleted": true`; answer with its new row."""
    fields = await _fields(request)
    external_id = fields.get("external_id")
    if not isinstance(external_id, str):
        raise refusal(400, "invalid_request", "external_id: must be a string")
    if refused := _NOT_SETTABLE & fields.keys():
        raise refusal(400, "invalid_request", f"{', '.join(sorted(refused))}: cannot be set")
    if not isinstance(fields.get("deleted", False), bool):
        raise refusal(400, "invalid_request", "deleted: must be true or false")
    try:
        return answer(request.app[PARTNER].catalogue.change(external_id, fields))
    except NotFound as error:
        raise refusal(404, "not_found", "external_id: no such product") from error
    except InvalidRecord as error:
        raise refusal(400, "invalid_request", str(error)) from error


@routes.post("/control/faults")
async def set_faults(request: web.Request) -> web.Response:
    """Replace the faults in force, `{"faults": [{"kind": "status", "route": "GET /products", "rate": 0.05}]}`."""
    try:
        plan = FaultPlan.model_validate(await _fields(request))
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_url=False))
        raise refusal(400, "invalid_request", "; ".join(faults)) from error
    request.app[PARTNER].faults.follow(plan)
    return answer(plan.model_dump(mode="json"))


@routes.post("/control/revoke")
async def revoke_tokens(request: web.Request) -> web.Response:
    """End every token that lives, as an operator of the partner might; answer with how many did."""
    return answer({"revoked": request.app[PARTNER].credentials.revoke_all()})


async def _fields(request: web.Request) -> dict[str, Any]:
    try:
        fields = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise refusal(400, "invalid_request", "the body must be JSON") from error
    if not isinstance(fields, dict):
        raise refusal(400, "invalid_request", "the body must be a JSON object")
    return fields
