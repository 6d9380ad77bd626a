"""Redis URLs as redis-py reads them, without what it passes over in silence."""

import re
from urllib.parse import SplitResult

from farmlokal.formats.server_urls import split_server_url

_SCHEMES = ("redis://", "rediss://", "unix://")
_FORM = "redis://user:pass@host:port/number"
_SOCKET_FORM = "unix://user:pass@/path?db=number"
_PARAMETERS = ("db", "username", "password", "protocol", "client_name", "health_check_interval")
_TLS_PARAMETERS = (
    "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_check_hostname", "ssl_certfile", "ssl_keyfile", "ssl_password",
)  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,9}")


def check_redis_url(url: str) -> None:
    """Raises ValueError, whose text is what is allowed, unless `url` names a Redis server and at most one database."""
    if not url.startswith(_SCHEMES):
        raise ValueError(f"must begin with {', '.join(_SCHEMES)}")
    form = _SOCKET_FORM if url.startswith("unix://") else _FORM
    allowed = _PARAMETERS + _TLS_PARAMETERS if url.startswith("rediss://") else _PARAMETERS
    parts, options = split_server_url(url, form, allowed)
    if parts.scheme == "unix":
        _check_socket(parts)
    # redis-py takes database 0 for /x, and 1 for /0/1.
    elif parts.path not in ("", "/") and not _NUMBER.fullmatch(parts.path.removeprefix("/")):
        raise ValueError(f"must have nothing after the host but one database number: {form}")
    if not _NUMBER.fullmatch(options.get("db", "0")):
        raise ValueError(f"must have a number for db: {form}")


def _check_socket(parts: SplitResult) -> None:
    # redis-py passes over a host: `unix://run/redis.sock` would be the socket /redis.sock.
    if parts.hostname or parts.path in ("", "/"):
        raise ValueError(f"must have the path of a socket, and no host: {_SOCKET_FORM}")
