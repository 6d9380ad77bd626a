"""What the service listens on: the sockets of one `--host`, in the same form for any number of processes."""

import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

# Every address of this machine, of both families.
_EVERY_ADDRESS = "::"
# Connections that wait to be accepted. A burst of more is refused without a word, and tries again after a second.
BACKLOG = 1024
# libuv accepts one connection of each socket in a turn of the event loop, and in the same turn has all others answered:
# with 500 clients that arrive at once, the last waited for tens of thousands of answers to those before. Each more
# costs an `accept` in vain, a microsecond, when a client comes alone.
_ACCEPTED_IN_A_TURN = 16
# With port 0 every family gets the port that the first one was given, which somebody may have in another.
_FREE_PORT_ATTEMPTS = 10


def listen_on(host: str, port: int) -> list[socket.socket]:
    """Return the listening sockets for `host`, all on one port.

    host: an IPv4 or IPv6 address, with or without brackets, or a name, which stands for all of its addresses. `::` is
    every address of this machine, IPv4 and IPv6: a socket for each family, so that each peer is seen under its own
    address; where the kernel has no IPv6, IPv4 alone. port: 0 for any that is free. Raises OSError when the port is
    taken, or the host is none of ours.
    """
    try:
        addresses = list(dict.fromkeys(_addresses(host.removeprefix("[").removesuffix("]"))))
        if port == 0:
            for _ in range(_FREE_PORT_ATTEMPTS):
                with suppress(OSError):
                    return _listen(addresses, port)
        return _listen(addresses, port)
    except socket.gaierror as error:
        raise OSError(f"cannot listen on {host!r}: {error.strerror}") from None
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise OSError(error.errno, f"cannot listen on {host!r}, port {port}: {reason}") from None


def accepting(listening: Iterable[socket.socket], workers: int = 1) -> list[socket.socket]:
    """Return every socket, and copies of it: all that the event loop of one process is to accept connections from.

    workers: how many processes accept from them, so that each needs fewer.
    """
    copies = _ACCEPTED_IN_A_TURN // min(workers, _ACCEPTED_IN_A_TURN) - 1
    return [copy for one in listening for copy in (one, *(one.dup() for _ in range(copies)))]


def base_url(listening: socket.socket) -> str:
    """Return the URL under which `listening` is reached, without a path."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if listening.family == socket.AF_INET6 else f"http://{host}:{port}"


def _addresses(host: str) -> Iterator[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """Yield each address of `host` as its family and its socket address; a hosts file may name one twice."""
    if host != _EVERY_ADDRESS:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        yield from ((family, address) for family, _, _, _, address in found)
        return
    if socket.has_dualstack_ipv6():
        yield socket.AF_INET6, (_EVERY_ADDRESS, 0)
    yield socket.AF_INET, ("0.0.0.0", 0)  # noqa: S104 - asked for by name


def _listen(addresses: list[tuple[socket.AddressFamily, tuple[Any, ...]]], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for family, (address, _, *scope) in addresses:
            # One of IPv6 accepts IPv6 alone: `create_server` sees to it.
            sockets.append(socket.create_server((address, port, *scope), family=family, backlog=BACKLOG))
            port = sockets[0].getsockname()[1]
    except OSError:
        for one in sockets:
            one.close()
        raise
    return sockets
