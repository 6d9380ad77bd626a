"""URLs of servers: what a password does to one that does not encode it, and what is shown of a URL, wrong or right."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.formats.redis_urls import check_redis_url
from farmlokal.formats.server_urls import masked_url, passwords_in

HINT = r"percent-encoded special characters in user and password \(# is %23, / is %2F, \? is %3F, @ is %40\)"
AWKWARD = [
    "top#secret",
    "top/secret",
    "top?secret",
    "123#secret",
    "123/secret",
    "123?secret",
    "#",
    "/",
    "?",
    "to[p/s",
    "a@/b",
]
REFUSED_REDIS = [
    ("http://cache", "must begin with redis://, rediss://, unix://"),
    ("redis://cache/x", "nothing after the host but one database number: redis://user:pass@host:port/number"),
    ("redis://cache/0/1", "nothing after the host but one database number"),
    ("redis://cache//1", "nothing after the host but one database number"),
    ("redis://cache/-1", "nothing after the host but one database number"),
    ("rediss://cache:6379/one", "nothing after the host but one database number"),
    ("redis://cache/0?db=one", "must have a number for db"),
    ("redis://cache:0/0", "port of 1 to 65535"),
    ("redis://cache:65536/0", "port of 1 to 65535"),
    ("redis://cache:port/0", "port of 1 to 65535"),
    ("redis://cache/0#1", HINT),
    ("redis://cache/0?passwrd=x", "no parameters but db, username, password, .* and health_check_interval"),
    ("redis://cache/0?ssl_ca_certs=ca.pem", "no parameters but"),
    ("rediss://cache/0?ssl_ca_certs=", "each with a value"),
    ("unix://run/redis.sock", "the path of a socket, and no host: unix://user:pass@/path"),
    ("unix://", "the path of a socket"),
    ("redis://[::1/0", "an IPv6 address in brackets"),
]
ALLOWED_REDIS = [
    "redis://",
    "redis://cache",
    "redis://cache/",
    "redis://:p%2Fs%23s%3Fs@cache:6379/15",
    "redis://[::1]:6379/0",
    "rediss://farmer:wheat@cache/0?ssl_ca_certs=/etc/me@farm.pem&db=1",
    "redis://cache/0?password=a@b",
    "unix:///run/me@farm.sock",
    "unix://farmer:wheat@/run/redis.sock?db=1",
]


@pytest.mark.parametrize("password", AWKWARD)
@pytest.mark.parametrize("user", ["farmer", ""])
def test_a_password_that_is_not_encoded_gets_the_hint(user: str, password: str) -> None:
    """Whatever the rest of the URL then seems to be, what is allowed says which characters have to be encoded."""
    with pytest.raises(ValueError, match=HINT):
        parse_address(f"mysql://{user}:{password}@db:3306/farm")
    with pytest.raises(ValueError, match=HINT):
        check_redis_url(f"redis://{user}:{password}@cache:6379/0")


@pytest.mark.parametrize(("url", "allowed"), REFUSED_REDIS)
def test_a_redis_url_is_refused_with_what_is_allowed(url: str, allowed: str) -> None:
    """What redis-py would pass over in silence, or stumble over at the first connection, is refused before."""
    with pytest.raises(ValueError, match=allowed):
        check_redis_url(url)


@pytest.mark.parametrize("url", ALLOWED_REDIS)
def test_a_redis_url_of_any_other_form_is_allowed(url: str) -> None:
    """With and without a user, a port, a number, a socket; encoded passwords."""
    check_redis_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("mysql://us/er:hunter2@db/farm", "mysql://us/er:***@db/farm"),
        ("MySQL://farmer:hunter2@db/farm", "MySQL://farmer:***@db/farm"),
        ("redis+cluster://:hunter2@a,b", "redis+cluster://:***@a,b"),
        ("mysql:/farmer:hunter2@db/farm", "mysql:***@db/farm"),
        ("mysql://farmer:hunter2", "mysql://farmer:***"),
        ("redis://://hunter2@cache/0", "redis://:***@cache/0"),
        ("redis://cache/0?password=hun@ter2&db=1", "redis://cache/0?password=***&db=1"),
        ("redis://cache/0?password=hun#ter2", "redis://cache/0?password=***"),
        ("redis://cache/0?db=1&password=hun&ter2", "redis://cache/0?db=1&password=***"),
        ("rediss://cache/0?ssl_password=hunter2&db=1", "rediss://cache/0?ssl_password=***&db=1"),
        ("redis+sentinel://a/farm?sentinel_password=hunter2", "redis+sentinel://a/farm?sentinel_password=***"),
        ("mysql://db:99999/farm", "mysql://db:99999/farm"),
        ("mysql://farmer@[::1]:3307/farm", "mysql://farmer@[::1]:3307/farm"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("sqlite:////srv/a:b@c/farm.db", "sqlite:////srv/a:b@c/farm.db"),
        ("fd00::/8,10.0.0.0/8", "fd00::/8,10.0.0.0/8"),
        ("https://a.example:8443,https://b.example:1", "https://a.example:8443,https://b.example:1"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    """Also one that is refused, and whose password stands where it should not."""
    assert shown == masked_url(url)


@given(st.text(string.printable, min_size=1).map(lambda text: f"hunter2{text}hunter2"))
def test_no_password_is_shown_and_any_can_be_encoded(password: str) -> None:
    """Written as it is, it is never shown; encoded, it is the one that is signed in with, and is known as a secret."""
    assert "hunter2" not in masked_url(f"mysql://farmer:{password}@db/farm")
    assert "hunter2" not in masked_url(f"redis://:{password}@cache/0")
    encoded = quote(password, safe="")
    assert MySQLAddress("db", 3306, "farmer", password, "farm") == parse_address(f"mysql://farmer:{encoded}@db/farm")
    check_redis_url(f"redis://:{encoded}@cache/0")
    assert [encoded] == passwords_in(f"redis://:{encoded}@cache/0")
