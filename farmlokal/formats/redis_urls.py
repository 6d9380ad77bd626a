"""Redis URLs as redis-py reads them, without what it passes over in silence, and those of several nodes."""

import re
from typing import Literal, NamedTuple
from urllib.parse import SplitResult, unquote, urlencode

from farmlokal.formats.server_urls import split_server_url

_SCHEMES = (
    "redis://", "rediss://", "unix://",
    "redis+cluster://", "rediss+cluster://", "redis+sentinel://", "rediss+sentinel://",
)  # fmt: skip
_CLUSTER_FORM = "redis+cluster://user:pass@host1:port,host2:port,host3:port"
_SENTINEL_FORM = "redis+sentinel://user:pass@host1:port,host2:port,host3:port/NAME"
_OF_NODES = re.compile(
    r"(?P<scheme>rediss?)\+(?P<kind>cluster|sentinel)://(?P<user>(?:[^/?#]*@)?)(?P<hosts>[^/?#]*)(?P<rest>.*)",
    re.DOTALL,
)
_PORTS = {"cluster": 6379, "sentinel": 26379}
_FORM = "redis://user:pass@host:port/number"
_SOCKET_FORM = "unix://user:pass@/path?db=number"
_PARAMETERS = ("db", "username", "password", "protocol", "client_name", "health_check_interval")
# With which the Sentinels are asked: their users are not the master's.
_SENTINEL_PARAMETERS = ("sentinel_username", "sentinel_password")
_TLS_PARAMETERS = (
    "ssl_ca_certs", "ssl_ca_path", "ssl_cert_reqs", "ssl_check_hostname", "ssl_certfile", "ssl_keyfile", "ssl_password",
)  # fmt: skip
_NUMBER = re.compile(r"[0-9]{1,9}")


class NodesURL(NamedTuple):
    """A URL of several nodes. nodes: that say where the master is. master_name: with the Sentinels; else empty.

    server_url: one of redis-py, with what holds for the connections to the master; its host is one of the nodes.
    sentinel_user: name and password with which the Sentinels are asked; either may be empty.
    """

    kind: Literal["cluster", "sentinel"]
    nodes: tuple[tuple[str, int], ...]
    master_name: str
    server_url: str
    sentinel_user: tuple[str, str] = ("", "")


def parse_nodes_url(url: str) -> NodesURL | None:
    """Returns what `url` says of several nodes; None where it is a URL of one server.

    Raises ValueError, whose text is what is allowed.
    """
    found = _OF_NODES.fullmatch(url)
    if found is None:
        return None
    user, rest = found["user"], found["rest"]
    sentinel = found["kind"] == "sentinel"
    form = _SENTINEL_FORM if sentinel else _CLUSTER_FORM
    # A cluster has no other database than 0.
    allowed = (*_PARAMETERS, *_SENTINEL_PARAMETERS) if sentinel else tuple(name for name in _PARAMETERS if name != "db")
    allowed += _TLS_PARAMETERS if found["scheme"] == "rediss" else ()
    nodes = []
    for host in found["hosts"].split(","):
        parts, options = split_server_url(f"redis://{user}{host}{rest}", form, allowed)
        if not parts.hostname:
            raise ValueError(f"must have hosts with a comma between them: {form}")
        nodes.append((parts.hostname, parts.port or _PORTS[found["kind"]]))
    path = unquote(parts.path.removeprefix("/"))
    if sentinel and (not path or "/" in path):
        raise ValueError(f"must end with the name that the Sentinels have for the master: {form}")
    if not sentinel and path not in ("", "0"):
        raise ValueError(f"must have nothing after the hosts, since a cluster has no other database than 0: {form}")
    if not _NUMBER.fullmatch(options.get("db", "0")):
        raise ValueError(f"must have a number for db: {form}")
    of_server = urlencode({name: value for name, value in options.items() if name not in _SENTINEL_PARAMETERS})
    server_url = f"{found['scheme']}://{user}{found['hosts'].split(',')[0]}{'?' if of_server else ''}{of_server}"
    username, password = (options.get(name, "") for name in _SENTINEL_PARAMETERS)
    return NodesURL(
        "sentinel" if sentinel else "cluster", tuple(nodes), path if sentinel else "", server_url, (username, password)
    )


def check_redis_url(url: str) -> None:
    """Raises ValueError, whose text is what is allowed, unless `url` names a Redis server, or nodes that know one."""
    if not url.startswith(_SCHEMES):
        raise ValueError(f"must begin with {', '.join(_SCHEMES)}")
    if parse_nodes_url(url) is not None:
        return
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
