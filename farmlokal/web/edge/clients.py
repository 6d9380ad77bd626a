"""Who a request's client is, for the rate limit: its API key where that is one of ours, else its address."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from farmlokal.formats.networks import Network
from farmlokal.web.edge.key_digests import matching_key

# Peers without an address: a Unix socket's, or of a connection that is gone. They are one client.
LOCAL = "local"
# A subscriber has a whole /64 at hand, if not more: its single addresses are not worth telling apart.
_IPV6_PREFIX = 64
_KEY_DIGITS = 16
_REMEMBERED_MAX = 16_384


class Hop(NamedTuple):
    """An address on a request's way: the client that it counts as, and whether it is a proxy of ours."""

    client: str
    trusted: bool


class ClientResolver:
    """Tells clients apart. What they send themselves gains nothing.

    trusted_proxies: networks whose `X-Forwarded-For` is believed. digests: of the configured API keys.
    """

    def __init__(self, trusted_proxies: Iterable[Network] = (), digests: tuple[bytes, ...] = ()) -> None:
        self._networks = tuple(trusted_proxies)
        self._digests = digests
        self._keys = tuple(f"key:{digest.hex()[:_KEY_DIGITS]}" for digest in digests)
        self._hop = lru_cache(_REMEMBERED_MAX)(self._read_hop)

    def __repr__(self) -> str:
        return f"<ClientResolver trusted={list(map(str, self._networks))} keys={len(self._keys)}>"

    def client(self, peername: object, forwarded_for: Sequence[str], offered_key: str | None) -> str:
        """The client of a request.

        peername: as a transport tells it. forwarded_for: the `X-Forwarded-For` lines, in their order. offered_key: the
        API key that came along; one that is none of ours is as good as none.
        """
        if offered_key is not None and self._keys:
            place = matching_key(offered_key, self._digests)
            if place is not None:
                return self._keys[place]
        peer = self._hop(peername[0]) if isinstance(peername, tuple) and peername else None
        if peer is None:
            return LOCAL
        return self._behind(peer, forwarded_for) if forwarded_for and peer.trusted else peer.client

    def _behind(self, proxy: Hop, forwarded_for: Sequence[str]) -> str:
        """The client of the first hop before `proxy` that is none of our proxies.

        Each proxy appends the address that it was called from, so that only what a trusted one appended is believed.
        What is no address was not appended by a proxy that we understand: the way ends there.
        """
        hop = proxy
        for line in reversed(forwarded_for):
            rest, comma = line, ","
            while comma:
                rest, comma, entry = rest.rpartition(",")
                entry = entry.strip()
                if not entry:
                    continue
                found = self._hop(_without_port(entry))
                if found is None or not found.trusted:
                    return (found or hop).client
                hop = found
        return hop.client

    def _read_hop(self, text: str) -> Hop | None:
        """The hop at the address that is written so; None where it is none."""
        address = _address(text)
        if address is None:
            return None
        client = str(address)
        if isinstance(address, IPv6Address):
            client = str(IPv6Network((address, _IPV6_PREFIX), strict=False))
        return Hop(client, any(address in network for network in self._networks))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


def _without_port(entry: str) -> str:
    """The address in `1.2.3.4:80`, `[2001:db8::1]:80` and `[2001:db8::1]`; anything else as it is."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
