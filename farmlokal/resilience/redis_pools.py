"""From a URL of several nodes to connections that find their master."""

from typing import Any

from redis.asyncio import ConnectionPool
from redis.asyncio.connection import parse_url

from farmlokal.formats.redis_urls import NodesURL
from farmlokal.resilience.redis_master import ClusterFinder, FoundConnection, MasterFinder, Place, SentinelFinder

# What a node is asked with, of what the master's connections have: a Sentinel has users of its own, and no databases.
_ASKED_WITH = {
    "sentinel": ("socket_timeout", "socket_connect_timeout", "retry"),
    "cluster": ("socket_timeout", "socket_connect_timeout", "retry", "username", "password"),
}


def pool_of(url: NodesURL, **options: Any) -> ConnectionPool:
    """Return a pool whose connections lead to the master that the nodes in `url` name. options: of redis-py."""
    options = {**parse_url(url.server_url), **options}
    for name in ("host", "port"):
        options.pop(name, None)
    nodes = [Place(*node) for node in url.nodes]
    asked_with = {name: options[name] for name in _ASKED_WITH[url.kind] if name in options}
    # A node that hangs leaves the others time to be believed.
    asked_with |= {name: asked_with[name] / 2 for name in ("socket_timeout", "socket_connect_timeout")}
    finder: MasterFinder
    if url.kind == "sentinel":
        finder = SentinelFinder(nodes, url.master_name, asked_with)
    else:
        finder = ClusterFinder(nodes, asked_with)
    return ConnectionPool(connection_class=FoundConnection, finder=finder, **options)
