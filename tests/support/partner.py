"""A partner on a real socket, and what of ours talks to it, with waits that a test can afford."""

import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from farmlokal.app.dependencies import redis_client
from farmlokal.caching.redis.tier import RedisTier
from farmlokal.caching.second_tier import SecondTier
from farmlokal.partner.client import PartnerClient
from farmlokal.partner.connection import PartnerConnection
from farmlokal.partner.outbound.guards import Guards, Limits
from farmlokal.partner.token_endpoint import ClientCredentials
from farmlokal.partner.tokens import TokenCache
from farmlokal.resilience.breaker import CircuitBreaker
from farmlokal.resilience.retry_budget import RetryBudget
from farmlokal.simulator.catalogue import Catalogue
from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET, FEED_SCOPE, Credentials
from farmlokal.simulator.faults import FaultPlan
from farmlokal.simulator.partner import Partner
from farmlokal.simulator.server import serving
from tests.support.clock import StillClock
from tests.support.redis_names import IDENTITY

OTHER_SCOPE = "orders:read"
FEED = "GET /products"
TOKEN = "POST /oauth/token"
# Short waits between attempts. That a busy machine is slow to answer ends none of them: tests count attempts.
LIMITS = Limits(
    deadline_s=60, attempt_max_s=30, slot_wait_max_s=60, backoff_base_s=0.01, backoff_max_s=0.05, breaker_open_s=0.3
)
# For a partner that does not answer.
IMPATIENT = LIMITS._replace(deadline_s=6, attempt_max_s=1)


@dataclass
class PartnerStand:
    """The partner, where it is, the clock of both sides, and everything that was connected to it."""

    partner: Partner
    url: str
    clock: Callable[[], float] = time.time
    connections: list[PartnerConnection] = field(default_factory=list)

    def fault(self, *faults: dict[str, Any]) -> None:
        """Replace the partner's faults."""
        self.partner.faults.follow(FaultPlan.model_validate({"faults": faults}))

    def requests(self, route: str) -> int:
        """How many requests of `route` reached the partner."""
        return self.partner.requests[route]

    def credentials(self, **others: Any) -> ClientCredentials:
        """What the partner knows of us."""
        given = {"token_url": f"{self.url}/oauth/token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return ClientCredentials(**{**given, **others})

    def connect(
        self, second: SecondTier | None = None, *, limits: Limits = LIMITS, base_url: str = "", **others: Any
    ) -> PartnerConnection:
        """A connection as one process has it; it ends with the stand."""
        connection = PartnerConnection(
            self.credentials(**others), base_url or self.url, second, limits=limits, clock=self.clock
        )
        self.connections.append(connection)
        return connection

    def client(self, **others: Any) -> PartnerClient:
        """The client of a new connection."""
        return self.connect(**others).client

    def tokens(self, second: SecondTier | None = None, **others: Any) -> TokenCache:
        """The token cache of a new connection."""
        return self.connect(second, **others).tokens


@asynccontextmanager
async def partner_stand(
    *, token_ttl_s: int = 3600, products: int = 50, clock: Callable[[], float] = time.time
) -> AsyncIterator[PartnerStand]:
    """A partner until the block ends."""
    credentials = Credentials(clock=clock, scopes=(FEED_SCOPE, OTHER_SCOPE), token_ttl_s=token_ttl_s)
    partner = Partner(credentials, Catalogue(products, clock=time.time))
    async with serving(partner, "127.0.0.1", 0) as url:
        standing = PartnerStand(partner, url, clock)
        try:
            yield standing
        finally:
            for connection in standing.connections:
                await connection.close()


@asynccontextmanager
async def odd_upstream(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]], *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """The URL of a server that answers everything by `answer`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        yield site.name
    finally:
        await runner.cleanup()


@asynccontextmanager
async def shared_tier(url: str, wait_max_s: float = 2.0) -> AsyncIterator[RedisTier]:
    """The second tier of one process."""
    redis = redis_client(url, wait_max_s)
    try:
        yield RedisTier(redis, IDENTITY, wait_max_s=wait_max_s)
    finally:
        await redis.aclose()


def guards_of(connection: PartnerConnection) -> Guards:
    """What stands around the calls of the partner's API."""
    assert connection.api is not None
    return connection.api.guards


def stop_clock(connection: PartnerConnection) -> StillClock:
    """Give the breaker and the retry budget of a new connection a clock that only the test moves; return it."""
    guards, clock = guards_of(connection), StillClock()
    limits, on_change = guards.limits, guards.breaker.on_change
    guards.breaker = CircuitBreaker(
        failures_max=limits.breaker_failures_max, open_s=limits.breaker_open_s, on_change=on_change, clock=clock
    )
    guards.budget = RetryBudget(share=limits.retry_share, floor=limits.retry_floor, clock=clock)
    return clock


def connections_in_use(connection: PartnerConnection) -> int:
    """How many TCP connections are handed out to calls and not given back."""
    connector = connection._session().connector
    return 0 if connector is None else len(connector._acquired)
