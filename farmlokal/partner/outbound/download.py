"""Downloading a file: streamed to where its caller says, from its start again after an attempt that failed."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import aiohttp
import orjson
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientTimeout
from aiohttp_retry import RetryClient, RetryOptionsBase
from yarl import URL

from farmlokal.partner.outbound.attempt import connection_failures
from farmlokal.partner.outbound.responses import AttemptFailed, Broken, status_failure
from farmlokal.partner.outbound.upstream import SharedSession
from farmlokal.resilience.backoff import Backoff
from farmlokal.resilience.deadline import Deadline

_REFUSAL_BYTES_MAX = 4096
_REFUSAL_CHARS_MAX = 200


class DownloadLimits(NamedTuple):
    """The limits of one download. Somebody waits at a terminal: minutes, not hours."""

    # Over all attempts and the waits between them.
    deadline_s: float = 1800.0
    attempts_max: int = 5
    connect_max_s: float = 10.0
    # Between two pieces, and before the first one.
    silence_max_s: float = 30.0
    backoff_base_s: float = 0.5
    backoff_max_s: float = 15.0


class Sink(Protocol):
    """Where the bytes go."""

    def write(self, chunk: bytes, /) -> None:
        """Take `chunk`. Whatever this raises ends the download."""
        ...

    def restart(self) -> None:
        """Forget what came: it comes again."""
        ...


async def download(
    session: SharedSession,
    url: URL,
    sink: Sink,
    *,
    limits: DownloadLimits | None = None,
    on_progress: Callable[[int, int | None], None] = lambda *_: None,
) -> None:
    """GET `url` into `sink`; redirects are followed, and failures in passing are tried again.

    on_progress: gets the bytes so far, and how many there will be where the answer says so. Raises AttemptFailed with
    what the server did wrong at the last attempt.
    """
    attempts = _Attempts(limits or DownloadLimits(), sink, on_progress)
    retrying = RetryClient(client_session=session(), retry_options=attempts)
    try:
        with connection_failures():  # of redirects; those of each attempt are told apart there
            async with retrying.get(
                url,
                middlewares=(attempts.attempt,),
                headers={"Accept": "*/*"},
                raise_for_status=False,
                timeout=attempts.timeout,
            ):
                pass
    except aiohttp.TooManyRedirects:
        raise AttemptFailed("redirects again and again") from None


class _Attempts(RetryOptionsBase):
    """The retry policy of one download."""

    def __init__(self, limits: DownloadLimits, sink: Sink, on_progress: Callable[[int, int | None], None]) -> None:
        super().__init__(attempts=limits.attempts_max, exceptions=(AttemptFailed,), retry_all_server_errors=False)
        self._limits = limits
        self._sink = sink
        self._on_progress = on_progress
        self._deadline = Deadline(limits.deadline_s)
        self._backoff = Backoff(base_s=limits.backoff_base_s, max_s=limits.backoff_max_s)
        self._failure: AttemptFailed | None = None

    def __repr__(self) -> str:
        return f"<_Attempts {self._deadline!r}>"

    @property
    def timeout(self) -> ClientTimeout:
        """What bounds an attempt: a server may be slow as long as it goes on sending, up to the deadline."""
        limits = self._limits
        return ClientTimeout(total=limits.deadline_s, sock_connect=limits.connect_max_s, sock_read=limits.silence_max_s)

    async def attempt(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send `request` once and receive its whole response: a middleware of aiohttp's client, as in Call."""
        try:
            return await self._received(request, handler)
        except AttemptFailed as failure:
            self._failure = failure
            raise

    async def _received(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        try:
            with connection_failures():
                response = await handler(request)
                if 300 <= response.status < 400 and "Location" in response.headers:
                    return response  # aiohttp follows it, and comes here again
                try:
                    await self._receive(response)
                finally:
                    response.release()
                return response
        except TimeoutError:
            raise Broken("did not answer in time", retriable=True, unavailable=True) from None
        except aiohttp.ClientPayloadError:
            raise Broken("broke off its answer", retriable=True) from None

    async def _receive(self, response: ClientResponse) -> None:
        if not 200 <= response.status < 300:
            failure = status_failure(response)
            said = _reason_in(await response.content.read(_REFUSAL_BYTES_MAX))
            if said:
                failure.args = (f"{failure}: {said!r}",)
            raise failure
        self._sink.restart()
        received_bytes = 0
        async for chunk in response.content.iter_any():
            self._sink.write(chunk)
            received_bytes += len(chunk)
            self._on_progress(received_bytes, response.content_length)

    def get_timeout(self, attempt: int, response: ClientResponse | None = None) -> float:
        """Seconds to wait after failure `attempt` (from 1), as aiohttp-retry asks. Raises what ends the download."""
        failure = self._failure
        if failure is None or not failure.retriable:
            raise failure or AttemptFailed("did not answer")
        wait_s = (failure.wait_s or 0.0) + self._backoff.wait_s(attempt)
        if wait_s > self._deadline.left_s:
            raise failure
        return wait_s


def _reason_in(body: bytes) -> str | None:
    """What a refusal says for itself, where it is JSON that says it: `error` or `message`, or one within the other."""
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    while isinstance(said, dict):
        said = said.get("error") or said.get("message")
    return said[:_REFUSAL_CHARS_MAX] if isinstance(said, str) else None
