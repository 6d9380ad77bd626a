"""`PUT /webhooks`, where clients register, and `POST /control/webhooks`, which makes the partner send."""

from typing import TypeVar

import orjson
from aiohttp import web
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, ValidationError

from farmlokal.simulator.answers import answer, refusal
from farmlokal.simulator.feed import require_bearer
from farmlokal.simulator.partner import PARTNER
from farmlokal.simulator.webhooks import Sending

routes = web.RouteTableDef()

_Model = TypeVar("_Model", bound=BaseModel)


class Registration(BaseModel):
    """Where a client wants its events."""

    model_config = ConfigDict(extra="forbid")

    url: AnyHttpUrl


@routes.put("/webhooks")
async def register(request: web.Request) -> web.Response:
    """Register a callback URL; the same one again changes nothing."""
    partner = request.app[PARTNER]
    require_bearer(request, partner.credentials)
    url = str((await _checked(request, Registration)).url)
    partner.webhooks.register(url)
    return answer({"url": url})


@routes.get("/webhooks")
async def registered(request: web.Request) -> web.Response:
    """List the callback URLs."""
    partner = request.app[PARTNER]
    require_bearer(request, partner.credentials)
    return answer({"webhooks": [{"url": url} for url in partner.webhooks.urls]})


@routes.post("/control/webhooks")
async def send(request: web.Request) -> web.Response:
    """Send events to everyone who registered; answers when all are delivered or given up. Body: `Sending`."""
    sending = await _checked(request, Sending)
    return answer((await request.app[PARTNER].webhooks.send(sending)).as_dict())


async def _checked(request: web.Request, model: type[_Model]) -> _Model:
    try:
        return model.model_validate(orjson.loads(await request.read()))
    except orjson.JSONDecodeError as error:
        raise refusal(400, "invalid_request", "the body must be JSON") from error
    except ValidationError as error:
        raise refusal(400, "invalid_request", str(error.errors(include_url=False)[0]["msg"])) from error
