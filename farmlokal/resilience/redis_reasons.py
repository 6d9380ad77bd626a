"""Why Redis does not answer, in words that an operator can act on. No secret is among them."""

import socket
import ssl
from collections.abc import Iterator

from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

_NO_RIGHT_IN_A_SCRIPT = "executing the script can't run this command"


class ConnectTimeout(RedisConnectionError):
    """A connection was not made in time."""


def reason_of(error: BaseException, *, connecting: bool = False, tls: bool = False) -> str:
    """Return the reason of a failed call of Redis, without host, user or password.

    connecting: whether the time ran out while a connection was made. tls: whether it was to be one of TLS.
    """
    chain = list(_chain(error))
    for cause in chain:
        reason = _known(cause)
        if reason:
            return reason
    connecting = connecting or any(isinstance(cause, ConnectTimeout) for cause in chain)
    if any(isinstance(cause, (TimeoutError, RedisTimeoutError)) for cause in chain):
        if connecting and tls:
            return "no TLS handshake in time: the port speaks no TLS, or the server is slow"
        return "no connection in time" if connecting else "no answer in time"
    return str(error) or type(error).__name__


def _known(error: BaseException) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"the port speaks no TLS that we understand: {error.reason}"
    if isinstance(error, AuthenticationError):
        wanted = "HELLO must be called" in str(error) or "Authentication required" in str(error)
        return "a password is wanted, and the URL has none" if wanted else f"wrong user or password: {error}"
    if isinstance(error, NoPermissionError) or _NO_RIGHT_IN_A_SCRIPT in str(error):
        return f"a right is missing: {error}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return f"the host name is not known: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        return "no such socket, or no such file of certificates"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield `error` and what it came of, which redis-py's own errors hide."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__
