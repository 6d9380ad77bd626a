"""The token cache and the client of the partner, as far as they are configured."""

import time
from collections.abc import Callable
from typing import TypeVar

from yarl import URL

from farmlokal.caching.second_tier import SecondTier
from farmlokal.errors import NotConfigured
from farmlokal.partner.client import PartnerClient
from farmlokal.partner.outbound.guards import Limits
from farmlokal.partner.outbound.upstream import Outbound, SharedSession
from farmlokal.partner.shared_tokens import SharedTokens
from farmlokal.partner.token_encryption import TokenCipher
from farmlokal.partner.token_endpoint import ClientCredentials, TokenEndpoint
from farmlokal.partner.tokens import TokenCache

T = TypeVar("T")


class PartnerConnection:
    """The token cache and the client, on one session.

    credentials, base_url: of the partner; in the place of each, the error that names the setting that is missing.
    second: the cache tier that processes share, where there is one. limits: of the calls; by default Limits().
    clock: wall seconds, by which tokens live.
    """

    def __init__(
        self,
        credentials: ClientCredentials | NotConfigured,
        base_url: str | NotConfigured,
        second: SecondTier | None,
        *,
        limits: Limits | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._session = SharedSession()
        # The calls with their guards and their counts; None where they are not configured.
        self.api: Outbound | None = None
        self.token_endpoint: Outbound | None = None
        self._tokens: TokenCache | NotConfigured
        self._client: PartnerClient | NotConfigured
        if isinstance(credentials, NotConfigured):
            self._tokens = self._client = credentials
            return
        self.token_endpoint = Outbound(host_of(credentials.token_url), self._session, limits)
        endpoint = TokenEndpoint(credentials, self.token_endpoint)
        cipher = TokenCipher(credentials.client_secret, credentials.cache_key)
        shared = None if second is None else SharedTokens(second, credentials.cache_key, cipher, clock=clock)
        self._tokens = TokenCache(endpoint, shared, clock=clock)
        if isinstance(base_url, NotConfigured):
            self._client = base_url
            return
        self.api = Outbound(host_of(base_url), self._session, limits)
        self._client = PartnerClient(base_url, self.api, self._tokens)

    def __repr__(self) -> str:
        return f"<PartnerConnection {self._tokens!r} {self._client!r} {self._session!r}>"

    @property
    def tokens(self) -> TokenCache:
        """The token cache. Raises NotConfigured."""
        return _configured(self._tokens)

    @property
    def client(self) -> PartnerClient:
        """The client. Raises NotConfigured."""
        return _configured(self._client)

    async def close(self) -> None:
        """Let a token request end, for a bounded time, and close every connection."""
        if isinstance(self._tokens, TokenCache):
            await self._tokens.close()
        await self._session.close()


def host_of(url: str) -> str:
    """Returns host and port of `url`: the part that may be shown."""
    parts = URL(url)
    return f"{parts.host}:{parts.port}"


def _configured(part: T | NotConfigured) -> T:
    if isinstance(part, NotConfigured):
        raise NotConfigured(part.variable)
    return part
