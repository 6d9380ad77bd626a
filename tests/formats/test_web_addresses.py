"""Which texts are addresses of the web."""

import pytest

from farmlokal.formats.web_addresses import check_web_address


@pytest.mark.parametrize(
    "address",
    [
        "https://shop.example/okra.jpg",
        "HTTP://shop.example:8080?picture=1#top",
        "https://[2001:db8::1]/a",
        "https://बाज़ार.example/टमाटर.jpg",
        "https://cdn.example/s/files/1/okra_600x600.png?v=1700000000&width='600'",
    ],
)
def test_absolute_addresses_are_taken(address: str) -> None:
    """Either scheme in any case, a port, an IPv6 address, other scripts, a query."""
    check_web_address(address)


@pytest.mark.parametrize(
    "text",
    [
        "okra.jpg",
        "/okra.jpg",
        "//shop.example/okra.jpg",
        "ftp://shop.example/okra.jpg",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        "https://",
        "https:///okra.jpg",
        "https://user:secret@shop.example/okra.jpg",
        "https://shop.example:port/",
        "https://shop.example/two words.jpg",
        'https://shop.example/"onerror="',
        "https://shop.example/a|b",
        "https://shop.example/a\nb",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    """Relative ones, other schemes, a user, and what would end the address in a page."""
    with pytest.raises(ValueError, match="must be an absolute http or https URL"):
        check_web_address(text)
