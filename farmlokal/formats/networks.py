"""Networks of IP addresses."""

from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


def parse_networks(text: str) -> tuple[Network, ...]:
    """Returns the comma-separated networks in `text`, IPv4 or IPv6; an address is a network of its own.

    Raises ValueError, whose text is what is allowed.
    """
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError as error:
        raise ValueError(f"must be comma-separated networks such as 10.0.0.0/8 or fd00::/8; {error}") from None
