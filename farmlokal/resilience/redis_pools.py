"""From a URL of several nodes to connections that find their master."""

from typing import Any

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import Connection, SSLConnection, parse_url

from farmlokal.formats.redis_urls import NodesURL
from farmlokal.resilience.redis_master import (
    Asking,
    ClusterFinder,
    FoundConnection,
    FoundTLSConnection,
    MasterFinder,
    Place,
    SentinelFinder,
)

# What a node is asked with, of what the master's connections have, beside the parameters of TLS.
_ASKED_WITH = ("socket_timeout", "socket_connect_timeout", "retry", "username", "password")


def pool_of(url: NodesURL, **options: Any) -> ConnectionPool:
    """Return a pool whose connections lead to the master that the nodes in `url` name. options: of redis-py."""
    options = {**parse_url(url.server_url), **options}
    tls = options.pop("connection_class", None) is SSLConnection
    for name in ("host", "port"):
        options.pop(name, None)
    asked_with = {name: value for name, value in options.items() if name in _ASKED_WITH or name.startswith("ssl_")}
    # A node that hangs leaves the others time to be believed.
    asked_with |= {name: asked_with[name] / 2 for name in ("socket_timeout", "socket_connect_timeout")}
    finder: MasterFinder
    if url.kind == "sentinel":
        # Sentinels have users of their own.
        username, password = url.sentinel_user
        asked_with |= {"username": username or None, "password": password or None}
        finder = SentinelFinder(_asking(url, asked_with, tls=tls), url.master_name)
    else:
        finder = ClusterFinder(_asking(url, asked_with, tls=tls))
    return ConnectionPool(connection_class=FoundTLSConnection if tls else FoundConnection, finder=finder, **options)


def _asking(url: NodesURL, options: dict[str, Any], *, tls: bool) -> Asking:
    return Asking(tuple(Place(*node) for node in url.nodes), SSLConnection if tls else Connection, options)
