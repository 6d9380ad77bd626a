"""The partner's product feed, `GET /products`: bearer-protected, paged, whole or since a moment."""

from datetime import UTC, datetime
from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from farmlokal.catalog.wire import wire_time
from farmlokal.simulator.answers import REALM, answer, refusal
from farmlokal.simulator.credentials import FEED_SCOPE, Credentials
from farmlokal.simulator.page_tokens import Place, place_of
from farmlokal.simulator.partner import PARTNER

routes = web.RouteTableDef()

PAGE_SIZE = 500
PAGE_SIZE_MAX = 1000


class FeedQuery(BaseModel):
    """The feed's parameters. A page token knows its walk's `updated_since`; one sent beside it must agree."""

    model_config = ConfigDict(extra="forbid")

    page_token: Annotated[Place, BeforeValidator(place_of)] | None = None
    page_size: Annotated[int, Field(ge=1, le=PAGE_SIZE_MAX)] = PAGE_SIZE
    updated_since: AwareDatetime | None = None

    def place(self, now_s: int) -> Place:
        """Tell where to go on; without a page token, the start of a walk that begins at `now_s`. Raises ValueError."""
        # Changes are stamped with whole seconds, rounded down, and none of them before 1970.
        since_s = None if self.updated_since is None else max(0, int(self.updated_since.timestamp()))
        if self.page_token is None:
            return Place(0, now_s, since_s)
        if since_s not in (None, self.page_token.since_s):
            raise ValueError("page_token: belongs to another updated_since")
        return self.page_token


@routes.get("/products")
async def products_page(request: web.Request) -> web.Response:
    """Answer with one page of products; `as_of` is the moment the walk began, the next run's `updated_since`."""
    partner = request.app[PARTNER]
    require_bearer(request, partner.credentials)
    query, place = _read_query(request, partner.catalogue.now_s())
    rows, after = partner.catalogue.page(place.after, query.page_size, since_s=place.since_s)
    return answer(
        {
            "products": rows,
            "next_page_token": None if after is None else place._replace(after=after).token(),
            "as_of": wire_time(datetime.fromtimestamp(place.as_of_s, UTC)),
        }
    )


def _read_query(request: web.Request, now_s: int) -> tuple[FeedQuery, Place]:
    if len(set(request.query)) < len(request.query):
        raise refusal(400, "invalid_request", "a parameter is repeated")
    try:
        query = FeedQuery.model_validate(dict(request.query))
        return query, query.place(now_s)
    except ValidationError as error:
        faults = (f"{fault['loc'][0]}: {fault['msg']}" for fault in error.errors(include_url=False))
        raise refusal(400, "invalid_request", "; ".join(faults)) from error
    except ValueError as error:
        raise refusal(400, "invalid_request", str(error)) from error


def require_bearer(request: web.Request, credentials: Credentials) -> None:
    """Let a live token with the feed's scope pass; refuse as RFC 6750 section 3 says."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        challenge = {"WWW-Authenticate": f'Bearer realm="{REALM}"'}
        raise refusal(401, None, "a bearer token is required", headers=challenge)
    grant = credentials.grant_of(token.strip())
    if grant is None:
        raise _bearer_refusal(401, "invalid_token", "the access token is unknown, expired or revoked")
    if FEED_SCOPE not in grant.scopes:
        raise _bearer_refusal(403, "insufficient_scope", "the access token does not cover this", scope=FEED_SCOPE)


def _bearer_refusal(status: int, error: str, description: str, *, scope: str | None = None) -> web.HTTPException:
    challenge = f'Bearer realm="{REALM}", error="{error}", error_description="{description}"'
    if scope is not None:
        challenge += f', scope="{scope}"'
    return refusal(status, error, description, headers={"WWW-Authenticate": challenge})
