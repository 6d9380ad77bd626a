"""The token that processes share: kept encrypted in the second cache tier, and requested under its lease."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from farmlokal.caching.entry import Entry
from farmlokal.caching.loading import kept_alive
from farmlokal.caching.second_tier import Held, Lease, SecondTier, Snapshot
from farmlokal.caching.value import Value
from farmlokal.partner.token import Token, decrypted_token
from farmlokal.partner.token_encryption import TokenCipher
from farmlokal.resilience.deadline import Deadline

# For a token that another process requests; that process has the endpoint's own deadline.
FOLLOW_MAX_S = 20.0
_LOOK_EVERY_S = 0.05
# A busy moment of this process can make Redis look late. Asking again costs less than a token request too many.
_LEASE_TRIES = 3


class SharedTokens:
    """The token under `key` in `second`, encrypted by `cipher`. clock: wall seconds."""

    def __init__(
        self, second: SecondTier, key: str, cipher: TokenCipher, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._second = second
        self._key = key
        self._cipher = cipher
        self._clock = clock

    def __repr__(self) -> str:
        return f"<SharedTokens {self._second!r}>"

    async def obtain(self, wanted: Callable[[Token], bool], request: Callable[[], Awaitable[Token]]) -> Token:
        """Returns a token that is `wanted`: the shared one, or a new one by `request`, which is shared then.

        Of all processes one requests at a time. Where the tier does not answer, each requests for itself. Raises what
        `request` raises, and TimeoutError when another process neither stores a token nor gives up its lease.
        """
        deadline = Deadline(FOLLOW_MAX_S)
        while deadline.left_s:
            lease = await self._lease()
            if lease is None:
                return await request()
            if isinstance(lease, Lease):
                return await self._lead(lease, wanted, request)
            await asyncio.sleep(min(max(lease.expires_in_s, 0.0), _LOOK_EVERY_S))
            found = self._decrypted(await self._second.read(self._key, ()))
            if found is not None and wanted(found):
                return found
        raise TimeoutError("another process has been asking for a token all the time")

    async def _lease(self) -> Lease | Held | None:
        for _ in range(_LEASE_TRIES):
            lease = await self._second.acquire(self._key, ())
            if lease is not None:
                return lease
        return None

    async def _lead(
        self, lease: Lease, wanted: Callable[[Token], bool], request: Callable[[], Awaitable[Token]]
    ) -> Token:
        # What the tier held when it gave the lease: another process may have been quicker.
        found = self._decrypted(lease.snapshot)
        if found is not None and wanted(found):
            await self._second.release(lease)
            return found
        try:
            async with kept_alive(self._second, lease):
                token = await request()
        except BaseException:
            await self._second.release(lease)
            raise
        if not await self._second.store(lease, self._entry(token), now=self._clock()):
            # A full Redis takes no token, and can still end the lease.
            await self._second.release(lease)
        return token

    def _entry(self, token: Token) -> Entry:
        # The entry's times bound how long the tier keeps it; the token's own are encrypted, where nobody alters them.
        return Entry(Value(token.encrypted(self._cipher)), token.issued_at, token.renew_at, token.usable_until)

    def _decrypted(self, snapshot: Snapshot | None) -> Token | None:
        if snapshot is None or snapshot.entry is None:
            return None
        return decrypted_token(snapshot.entry.value.body, self._cipher)
