"""One attempt on the wire: a request, a whole response, and the connection released whatever happens."""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from farmlokal.partner.outbound.responses import (
    AttemptFailed,
    Broken,
    PartnerResponse,
    partner_response,
    status_failure,
)


async def exchange(
    request: ClientRequest,
    handler: ClientHandlerType,
    *,
    time_max_s: float,
    body_bytes_max: int,
    returned: Collection[int],
) -> tuple[ClientResponse, PartnerResponse | AttemptFailed]:
    """Send `request` by `handler`. Returns aiohttp's closed response, and what we read from it or why it failed.

    returned: statuses besides 2xx that are responses to the caller. Raises Broken for failures of the partner: no
    connection, no response within `time_max_s` seconds, a body that breaks off, a status of 500 or more.
    """
    status: int | None = None
    try:
        with connection_failures():
            async with asyncio.timeout(time_max_s):
                response = await handler(request)
                status = response.status
                try:
                    return response, await _outcome(response, body_bytes_max, returned)
                finally:
                    # Closes the connection unless the body was read to its end, and it went back to the pool by itself.
                    response.release()
    except TimeoutError:
        raise Broken(f"did not answer within {time_max_s:.3g} s", retriable=True, unavailable=True) from None
    except aiohttp.ClientPayloadError:
        raise Broken("broke off its answer", status=status, retriable=True) from None


@contextmanager
def connection_failures() -> Iterator[None]:
    """Raises Broken for whatever aiohttp says of a connection that does not do.

    Not for a timeout, a body that breaks off, or too many redirects: these are told by the caller.
    """
    try:
        yield
    except (TimeoutError, aiohttp.ClientPayloadError, aiohttp.TooManyRedirects):
        raise
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch):
        raise Broken("has a certificate that is not trusted", unavailable=True) from None
    except aiohttp.ClientConnectorError as error:
        reason = error.os_error.strerror or type(error.os_error).__name__
        raise Broken(f"cannot be reached: {reason}", retriable=True, unavailable=True) from None
    except (aiohttp.ClientConnectionError, OSError):
        raise Broken("broke off the connection", retriable=True, unavailable=True) from None
    except aiohttp.ClientError as error:
        # The text of these may quote what was received; the kind is enough.
        raise Broken(f"does not speak HTTP as it should ({type(error).__name__})") from None


async def _outcome(
    response: ClientResponse, body_bytes_max: int, returned: Collection[int]
) -> PartnerResponse | AttemptFailed:
    if not 200 <= response.status < 300 and response.status not in returned:
        failure = status_failure(response)
        if isinstance(failure, Broken):
            raise failure
        return failure
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > body_bytes_max:
            return AttemptFailed(f"answered with more than {body_bytes_max} bytes", status=response.status)
    return partner_response(response, bytes(body))
