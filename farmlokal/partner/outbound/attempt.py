"""One attempt on the wire: a request out, a whole answer in, and the connection given back whatever happens."""

import asyncio
from collections.abc import Collection

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from farmlokal.partner.outbound.answers import Answer, AttemptFailed, Broken, answer_of, failure_of


async def exchange(
    request: ClientRequest,
    handler: ClientHandlerType,
    *,
    time_max_s: float,
    body_bytes_max: int,
    returned: Collection[int],
) -> tuple[ClientResponse, Answer | AttemptFailed]:
    """Send `request` by `handler`; the closed response, and the answer that it holds or why it is none.

    returned: statuses besides 2xx that are answers. Raises Broken for what tells of the partner's health: no
    connection, no answer within `time_max_s` seconds, a body that breaks off, a status of 500 or more.
    """
    status: int | None = None
    try:
        async with asyncio.timeout(time_max_s):
            response = await handler(request)
            status = response.status
            try:
                return response, await _outcome(response, body_bytes_max, returned)
            finally:
                # Closes the connection unless the body was read to its end; then it went back to the pool by itself.
                response.release()
    except TimeoutError:
        raise Broken(f"did not answer within {time_max_s:.3g} s", retriable=True, unavailable=True) from None
    except aiohttp.ClientPayloadError:
        raise Broken("broke off its answer", status=status, retriable=True) from None
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


async def _outcome(response: ClientResponse, body_bytes_max: int, returned: Collection[int]) -> Answer | AttemptFailed:
    if not 200 <= response.status < 300 and response.status not in returned:
        failure = failure_of(response)
        if isinstance(failure, Broken):
            raise failure
        return failure
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > body_bytes_max:
            return AttemptFailed(f"answered with more than {body_bytes_max} bytes", status=response.status)
    return answer_of(response, bytes(body))
