"""URLs of several Redis nodes: what they say, and every way to write one wrong."""

import pytest

from farmlokal.formats.redis_urls import NodesURL, check_redis_url, parse_nodes_url


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "redis+cluster://a,b:7001,[::1]:7002",
            NodesURL("cluster", (("a", 6379), ("b", 7001), ("::1", 7002)), "", "redis://a"),
        ),
        (
            "redis+cluster://farmer:very%40secret@a:1/0?client_name=farm",
            NodesURL("cluster", (("a", 1),), "", "redis://farmer:very%40secret@a:1?client_name=farm"),
        ),
        (
            "redis+sentinel://:secret@a,b:2/farm%20one?db=3",
            NodesURL("sentinel", (("a", 26379), ("b", 2)), "farm one", "redis://:secret@a?db=3"),
        ),
        (
            "rediss+cluster://:secret@a,b?ssl_ca_certs=/etc/ca.pem",
            NodesURL("cluster", (("a", 6379), ("b", 6379)), "", "rediss://:secret@a?ssl_ca_certs=%2Fetc%2Fca.pem"),
        ),
        (
            "rediss+sentinel://:secret@a/farm?sentinel_username=watcher&sentinel_password=other",
            NodesURL("sentinel", (("a", 26379),), "farm", "rediss://:secret@a", ("watcher", "other")),
        ),
        ("redis://a,b", None),
    ],
)
def test_what_a_url_says(url: str, expected: NodesURL | None) -> None:
    """Hosts with their default ports, the master's name, and what holds for the connections to it."""
    assert expected == parse_nodes_url(url)


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("redis+cluster://", "hosts with a comma"),
        ("redis+cluster://a,,b", "hosts with a comma"),
        ("redis+cluster://a,b:0", "a port of 1 to 65535"),
        ("redis+cluster://a,b:x", "a port of 1 to 65535"),
        ("redis+cluster://a/1", "no other database than 0"),
        ("redis+cluster://a?db=1", "no parameters but"),
        ("redis+cluster://a?sentinel_password=x", "no parameters but"),
        ("redis+cluster://a?ssl_cert_reqs=none", "no parameters but"),
        ("redis+cluster://:se#cret@a,b", "percent-encoded"),
        ("redis+sentinel://a,b", "the name that the Sentinels have"),
        ("redis+sentinel://a,b/", "the name that the Sentinels have"),
        ("redis+sentinel://a/farm/1", "the name that the Sentinels have"),
        ("redis+sentinel://a/farm?db=x", "a number for db"),
        ("redis+other://a", "must begin with"),
    ],
)
def test_what_is_wrong_is_told(url: str, allowed: str) -> None:
    """Each fault has its own text."""
    with pytest.raises(ValueError, match=allowed):
        check_redis_url(url)
