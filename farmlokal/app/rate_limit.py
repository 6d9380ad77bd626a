"""The rate limit put together: who is counted, how much each may ask, and how processes share it."""

from aiohttp import web

from farmlokal.app.resources import rate_limit_context, redis_client
from farmlokal.formats.networks import parse_networks
from farmlokal.limiting.limiter import RateLimiter
from farmlokal.limiting.quotas import parse_quotas
from farmlokal.limiting.shared import WAIT_MAX_S, SharedLimit
from farmlokal.settings import Settings
from farmlokal.web import keys
from farmlokal.web.edge.clients import ClientResolver
from farmlokal.web.edge.rate_limit import rate_limit_middleware


def add_rate_limit(app: web.Application, settings: Settings) -> SharedLimit | None:
    """Limit every route that is not exempt, as the settings say; nothing where they say `off`.

    Returns what shares the limit with other processes, where they have a Redis to share it by.
    """
    quotas = parse_quotas(settings.rate_limit)
    if not quotas:
        return None
    limiter = RateLimiter(quotas.values())
    proxies = parse_networks(settings.trusted_proxies) if settings.trusted_proxies else ()
    app[keys.LIMITER] = limiter
    app[keys.CLIENTS] = ClientResolver(proxies, app[keys.API_KEYS])
    app.middlewares.append(rate_limit_middleware)
    if settings.redis_url is None:
        return None
    # A client of its own: no request waits for it, and what waits for a request's client has less time.
    redis = redis_client(settings.redis_url, WAIT_MAX_S)
    shared = SharedLimit(redis, limiter)
    app.cleanup_ctx.append(rate_limit_context(shared, redis))
    return shared
