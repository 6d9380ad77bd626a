"""The rate limit put together: which client is counted, its quotas, and how processes share them."""

from aiohttp import web
from redis.asyncio import Redis

from farmlokal.app.dependencies import redis_client
from farmlokal.formats.networks import parse_networks
from farmlokal.limiting.limiter import RateLimiter
from farmlokal.limiting.quotas import parse_quotas
from farmlokal.limiting.shared import WAIT_MAX_S, SharedLimit
from farmlokal.settings import Settings
from farmlokal.web import keys
from farmlokal.web.edge.clients import ClientResolver
from farmlokal.web.edge.rate_limit import rate_limit_middleware


def add_rate_limit(app: web.Application, settings: Settings) -> tuple[SharedLimit, Redis] | None:
    """Limit every route that is not exempt by the quotas in the settings; nothing where they are `off`.

    Returns the limit shared with other processes and its Redis client, for `rate_limit_context`; None where there is no
    Redis to share it by. The limit is to be told the catalogue's identity before that context begins.
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
    # A Redis client of its own: no request waits for it, so that it has more time than the requests' client.
    redis = redis_client(settings.redis_url, WAIT_MAX_S)
    return SharedLimit(redis, limiter, None), redis
