"""The proofs' and benchmarks' own nginx."""

import socket
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from tests.servers import NginxServer, ServerFailed
from tests.support.blocking_wait import wait_until

pytestmark = pytest.mark.proof


@pytest.fixture
def nginx() -> Iterator[NginxServer]:
    """Return an nginx that serves the files of its folder `files`."""
    with NginxServer("root files; keepalive_requests 1000;") as server:
        (server.folder / "files").mkdir()
        (server.folder / "files" / "page").write_bytes(b"okra")
        yield server


def _page(server: NginxServer) -> bytes:
    with urlopen(f"{server.base_url}/page", timeout=30) as answer:  # noqa: S310 - an address on 127.0.0.1
        return bytes(answer.read())


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_it_serves_what_its_configuration_says(nginx: NginxServer) -> None:
    """A file in its folder is served on its port."""
    assert _page(nginx) == b"okra"


def test_killed_with_all_its_workers_it_starts_again(nginx: NginxServer) -> None:
    """A kill ends the workers too: the port is free, and a restart takes it again."""
    port = nginx.port
    nginx.kill()
    wait_until(lambda: not _is_listening(port), 30)  # a worker ends a moment after the master
    with pytest.raises(OSError, match="refused"):
        _page(nginx)
    nginx.start()
    assert port == nginx.port
    assert _page(nginx) == b"okra"


def test_a_wrong_configuration_shows_its_log() -> None:
    """The error of a failed start quotes what nginx had to say."""
    with pytest.raises(ServerFailed, match="no_such_directive"), NginxServer("no_such_directive on;"):
        pass
