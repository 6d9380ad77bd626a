"""Database URLs: every form that is allowed, and a refusal of the others that says what is."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.database.address import Address, MySQLAddress, SQLiteAddress, parse_address

ALLOWED: list[tuple[str, Address]] = [
    ("mysql://u:p@db.example:3307/farm", MySQLAddress("db.example", 3307, "u", "p", "farm")),
    ("mysql://db.example/farm", MySQLAddress("db.example", 3306, "root", "", "farm")),
    ("mysql:///farm", MySQLAddress("127.0.0.1", 3306, "root", "", "farm")),
    ("mysql://u@[::1]:3307/farm", MySQLAddress("::1", 3307, "u", "", "farm")),
    ("mysql://a%40b:p%2Fs%23s@h/my%20farm", MySQLAddress("h", 3306, "a@b", "p/s#s", "my farm")),
    ("mysql://u@h/farm?unix_socket=/run/my.sock", MySQLAddress("h", 3306, "u", "", "farm", "/run/my.sock")),
    ("mysql://h/farm?ssl_ca=%2Fetc%2Fca.pem", MySQLAddress("h", 3306, "root", "", "farm", None, "/etc/ca.pem")),
    ("mysql://h/farm?ssl_ca=a&unix_socket=b", MySQLAddress("h", 3306, "root", "", "farm", "b", "a")),
    ("sqlite:///farm.db", SQLiteAddress("farm.db")),
    ("sqlite:////var/lib/farm.db", SQLiteAddress("/var/lib/farm.db")),
    ("sqlite:///my%20farm.db", SQLiteAddress("my farm.db")),
]

REFUSED = [
    ("", "must begin with mysql:// or sqlite:///"),
    ("postgresql://h/farm", "must begin with mysql:// or sqlite:///"),
    ("mysql:farm", "must begin with mysql:// or sqlite:///"),
    ("farm.db", "must begin with mysql:// or sqlite:///"),
    ("mysql://h", "must name one database"),
    ("mysql://h/", "must name one database"),
    ("mysql://h/farm/products", "must name one database"),
    ("mysql://h/farm?charset=latin1", "no parameters but unix_socket and ssl_ca"),
    ("mysql://h/farm?ssl_ca=", "no parameters but unix_socket and ssl_ca, each with a value"),
    ("mysql://h:0/farm", "port of 1 to 65535"),
    ("mysql://h:65536/farm", "port of 1 to 65535"),
    ("mysql://h:port/farm", "port of 1 to 65535"),
    ("mysql://h/farm#products", "percent-encoded special characters"),
    ("sqlite://farm.db", "must be sqlite:///path"),
    ("sqlite:///", "must be sqlite:///path"),
    ("sqlite:///farm.db?mode=ro", "must be sqlite:///path"),
    ("sqlite:///:memory:", "must be sqlite:///path, the path of a file"),
]


@pytest.mark.parametrize(("url", "expected"), ALLOWED)
def test_an_allowed_url_gives_its_address(url: str, expected: Address) -> None:
    """What a URL leaves out has its default, and percent signs are decoded."""
    assert expected == parse_address(url)


@pytest.mark.parametrize(("url", "allowed"), REFUSED)
def test_another_url_is_refused_with_what_is_allowed(url: str, allowed: str) -> None:
    """The error of a wrong URL says what a right one has."""
    with pytest.raises(ValueError, match=allowed):
        parse_address(url)


@pytest.mark.parametrize("password", ["top/secret", "top#secret", "top?secret", "123/secret", "to[p]/secret"])
def test_a_password_that_breaks_the_url_is_not_shown(password: str) -> None:
    """A password that should have been percent-encoded makes the URL wrong, but is not quoted in the error."""
    with pytest.raises(ValueError, match="must") as refused:
        parse_address(f"mysql://u:{password}@h/farm")
    assert not any(part in str(refused.value) for part in ("top", "123", "secret"))


@pytest.mark.parametrize("url", ["mysql://u:pass-word@h/farm", "mysql://u:pass-word@h/farm?ssl_ca=ca"])
def test_an_address_can_be_printed(url: str) -> None:
    """Neither way to print an address shows the password."""
    address = parse_address(url)
    assert "pass-word" not in f"{address} {address!r}"


@given(st.text(), st.text(min_size=1).filter(lambda name: "/" not in name), st.integers(1, 65535))
def test_what_is_percent_encoded_comes_back(password: str, database: str, port: int) -> None:
    """Any password and database name can be written in a URL."""
    address = parse_address(f"mysql://u:{quote(password, safe='')}@h:{port}/{quote(database, safe='')}")
    assert MySQLAddress("h", port, "u", password, database) == address
