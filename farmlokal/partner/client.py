"""The partner's API: JSON in and out, with our access token on every request."""

from collections.abc import Mapping
from typing import Any

import orjson
from yarl import URL

from farmlokal.errors import PartnerFailed
from farmlokal.partner.outbound.guards import CallStats
from farmlokal.partner.outbound.responses import PartnerResponse
from farmlokal.partner.outbound.upstream import Outbound
from farmlokal.partner.tokens import TokenCache
from farmlokal.resilience.deadline import Deadline

_UNAUTHORIZED = 401
# Not a failure yet: the token may have been revoked, and a new one may be accepted.
_RETURNED = frozenset({_UNAUTHORIZED})


class PartnerClient:
    """Calls below `base_url` by `outbound`, with bearer tokens from `tokens`.

    Every method takes a path below the base URL, and the seconds that the whole call may take, its attempts, waits and
    tokens together (by default the limits' deadline), and returns the decoded content. Every one raises
    PartnerUnavailable when the partner did not answer in time or the breaker is open, and PartnerFailed when it
    answered something else than was asked for.
    """

    def __init__(self, base_url: str, outbound: Outbound, tokens: TokenCache) -> None:
        self._base = URL(base_url)
        self._outbound = outbound
        self._tokens = tokens

    def __repr__(self) -> str:
        return f"<PartnerClient {self._outbound!r}>"

    @property
    def stats(self) -> CallStats:
        """The counters of the calls."""
        return self._outbound.stats

    async def get_json(
        self, path: str, params: Mapping[str, str] | None = None, *, deadline_s: float | None = None
    ) -> Any:
        """`GET path?params`; repeated when an attempt fails in passing."""
        return await self._call("GET", path, params=params, deadline_s=deadline_s)

    async def post_json(self, path: str, content: Any, *, deadline_s: float | None = None) -> Any:
        """`POST path` with `content`; None for a response without a body. Sent once: it may not be repeatable."""
        return await self._call("POST", path, content=content, deadline_s=deadline_s)

    async def put_json(self, path: str, content: Any, *, deadline_s: float | None = None) -> Any:
        """`PUT path` with `content`; repeated when an attempt fails in passing."""
        return await self._call("PUT", path, content=content, deadline_s=deadline_s)

    async def delete(self, path: str, *, deadline_s: float | None = None) -> Any:
        """`DELETE path`; repeated when an attempt fails in passing."""
        return await self._call("DELETE", path, deadline_s=deadline_s)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        content: Any = None,
        deadline_s: float | None = None,
    ) -> Any:
        deadline = self._outbound.deadline(deadline_s)
        url = self._base.joinpath(path.lstrip("/")).with_query(params)
        body = None if content is None else orjson.dumps(content)
        token = (await self._tokens.get(wait_max_s=deadline.left_s)).access_token
        response = await self._send(method, url, body, token, deadline)
        if response.status == _UNAUTHORIZED:
            # Refused before anything was done with it, so that a POST may be sent again as well.
            token = (await self._tokens.replace(token, wait_max_s=deadline.left_s)).access_token
            response = await self._send(method, url, body, token, deadline)
        if response.status == _UNAUTHORIZED:
            host = self._outbound.guards.host
            raise PartnerFailed(f"{host} refuses our access token, a new one too", response.upstream)
        return response.content

    async def _send(self, method: str, url: URL, body: bytes | None, token: str, deadline: Deadline) -> PartnerResponse:
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return await self._outbound.call(method, url, headers=headers, body=body, deadline=deadline, returned=_RETURNED)
