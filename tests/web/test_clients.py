"""Who a client is: what a request says of itself is believed only where a proxy of ours says it."""

import re

import pytest

from farmlokal.formats.networks import parse_networks
from farmlokal.web.edge.clients import LOCAL, ClientResolver
from farmlokal.web.edge.key_digests import key_digests

PROXIES = parse_networks("10.0.0.0/8, fd00::/8,192.0.2.7")
DIGESTS = key_digests(["a key of ours, the first", "a key of ours, the second"])
BEHIND_PROXIES = ClientResolver(PROXIES, DIGESTS)
UNPROXIED = ClientResolver((), DIGESTS)


def client_of(peer: str, *forwarded_for: str) -> str:
    """The client of a request from `peer`."""
    return BEHIND_PROXIES.client((peer, 1234), forwarded_for, None)


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        # What the client put there itself stands to the left of what our proxy appended.
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["10.9.9.9, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2, 192.0.2.7"], "198.51.100.1"),
        # Several lines are one list.
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1,10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        # Everybody is a proxy of ours: the farthest.
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, ,"], "198.51.100.1"),
        # Malformed: the proxy that let it through is the client.
        ("10.0.0.1", ["unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["198.51.100.1 198.51.100.2"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.256"], "10.0.0.1"),
        ("10.0.0.1", ["\udcff"], "10.0.0.1"),
        # With a port, as some proxies write it.
        ("10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::/64"),
        ("10.0.0.1", ["[2001:db8::1]"], "2001:db8::/64"),
        # IPv6, by /64.
        ("2001:db8::1", [], "2001:db8::/64"),
        ("2001:db8::ffff:ffff:ffff:ffff", [], "2001:db8::/64"),
        ("2001:db8:0:1::1", [], "2001:db8:0:1::/64"),
        ("2001:db8:0:1::1", ["198.51.100.1"], "2001:db8:0:1::/64"),
        ("fd00::1", ["2001:db8:0:2::1"], "2001:db8:0:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        # IPv4 in IPv6's clothes.
        ("::ffff:203.0.113.5", [], "203.0.113.5"),
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::FFFF:CB00:7105", [], "203.0.113.5"),
    ],
)
def test_the_client_is_the_first_hop_that_is_no_proxy_of_ours(peer: str, forwarded_for: list[str], client: str) -> None:
    """Read from the right, as far as each hop is trusted."""
    assert client == client_of(peer, *forwarded_for)


def test_nothing_is_believed_without_trusted_proxies() -> None:
    """By default every peer speaks for itself alone."""
    assert "10.0.0.1" == UNPROXIED.client(("10.0.0.1", 1), ["198.51.100.1"], None)


@pytest.mark.parametrize("peername", [None, "", "/run/farmlokal.sock", b"\0abstract", (), ("/run/x", 1)])
def test_peers_without_an_address_are_one_client(peername: object) -> None:
    """Those on a Unix socket, and connections that are gone; nothing that they forward is believed."""
    assert LOCAL == BEHIND_PROXIES.client(peername, ["198.51.100.1"], None)


def test_a_key_of_ours_is_a_client_wherever_it_comes_from() -> None:
    """Its name gives nothing of it away, and does not depend on the order in which keys are configured."""
    names = {BEHIND_PROXIES.client((peer, 1), [], "a key of ours, the first") for peer in ("10.0.0.1", "::1")}
    turned = ClientResolver((), key_digests(["a key of ours, the second", "a key of ours, the first"]))
    assert {turned.client(None, [], "a key of ours, the first")} == names
    (name,) = names
    assert name.startswith("key:")
    assert len(name) == 20
    assert name != BEHIND_PROXIES.client(("10.0.0.1", 1), [], "a key of ours, the second")


@pytest.mark.parametrize("offered", ["", "forged", "a key of ours, the firs", "a key of ours, the first ", "\udcff"])
def test_a_forged_key_counts_for_the_address(offered: str) -> None:
    """As if no key had come."""
    assert "203.0.113.5" == BEHIND_PROXIES.client(("203.0.113.5", 1), [], offered)
    assert "203.0.113.5" == ClientResolver().client(("203.0.113.5", 1), [], offered)


def test_a_long_way_of_forged_hops_costs_no_more_than_a_short_one() -> None:
    """The walk ends at the first hop that is not trusted, however much was put before it."""
    resolver = ClientResolver(PROXIES)
    forged = ", ".join(f"10.1.{number >> 8}.{number & 255}" for number in range(60_000))
    assert "198.51.100.1" == resolver.client(("10.0.0.1", 1), [forged, "198.51.100.1"], None)
    assert 2 == resolver._hop.cache_info().currsize


@pytest.mark.parametrize("text", ["", "10.0.0.0/33", "10.0.0.1/8", "everybody", "10.0.0.0/8,", "10.0.0.0/8 fd00::/8"])
def test_what_is_no_network_is_refused(text: str) -> None:
    """With what is allowed, and what is wrong."""
    with pytest.raises(ValueError, match=re.escape("must be comma-separated networks such as 10.0.0.0/8 or fd00::/8")):
        parse_networks(text)
