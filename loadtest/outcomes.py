"""Under which name a request is counted: its route, and how the service came by the answer. Never its URL."""

from collections.abc import Callable
from http import HTTPStatus

# Routes as they are shown. Pages reached by a cursor are a route of their own: who leafs on is deeper in the listing.
# So are pages near a place: each household asks for its own.
LISTING = "/products"
LISTING_BY_CURSOR = "/products?cursor"
NEAR = "/products?near"
NEAR_BY_CURSOR = "/products?near&cursor"
PRODUCT = "/products/{id}"
CHANGES = "/products/changes"
PRICES = "/products/{id}/prices"
SUMMARY = "/products/summary"
CATEGORIES = "/categories"
SUGGEST = "/suggest"
PLACES = "/places"
FARMS = "/farms"
FARM = "/farms/{id}"
TOKEN = "/auth/token"  # noqa: S105 - a path
SYNC = "/external/sync"
SYNC_RUN = "/external/sync/{run}"
WEBHOOK = "/external/webhook"

RATE_LIMITED = "429"
UNANSWERED = "no answer"


def named(route: str, outcome: str | None) -> str:
    """`/products [hit memory]`, or the bare route where the answer says nothing of how it came about."""
    return route if outcome is None else f"{route} [{outcome}]"


def split(name: str) -> tuple[str, str | None]:
    """The route and the outcome that `named` put together."""
    route, bracket, rest = name.partition(" [")
    return route, rest.removesuffix("]") if bracket else None


def outcome_of(status: int, header: Callable[[str], str | None]) -> str | None:
    """What one answer is: `hit memory`, `hit redis`, `hit stale`, `miss`, `304`, `429`, `status 503`, `no answer`.

    status: 0 where no answer came. header: looks one of the answer's headers up by its lower-case name.
    """
    if status == 0:
        return UNANSWERED
    if status == HTTPStatus.NOT_MODIFIED:
        return "304"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RATE_LIMITED
    if status >= HTTPStatus.BAD_REQUEST:
        return f"status {status}"
    return cache_outcome(header("cache-status"))


def cache_outcome(cache_status: str | None) -> str | None:
    """The service's part in a `Cache-Status` (RFC 9211): of several caches, the first is the closest to the origin."""
    if not cache_status:
        return None
    words = [word.strip() for word in cache_status.split(",", 1)[0].split(";")[1:]]
    said = dict(word.partition("=")[::2] for word in words)
    if "hit" in said:
        return "hit stale" if said.get("ttl", "").startswith("-") else " ".join(("hit", said.get("detail", ""))).strip()
    if said.get("fwd") == "miss":
        return "miss collapsed" if "collapsed" in said else "miss"
    return said.get("fwd")
