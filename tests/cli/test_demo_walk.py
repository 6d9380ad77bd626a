"""`farmlokal demo` with nothing set: a newcomer's first program walks through all of it."""

from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import orjson
import pytest

from farmlokal.limiting.quotas import DEFAULT_QUOTAS
from tests.servers.process import free_port
from tests.support.command import developers, running, wait_until_ready

DEMO_PRODUCTS = 20_000
PAGE_PRODUCTS = 20
# Of a client that was quiet, by the default of 1,200 a minute.
DEFAULT_BURST = 48


def walk(port: int) -> tuple[list[int], int]:
    """The ids of all products, by the cursors of pages of the default size; and the status that the walk ended with."""
    ids: list[int] = []
    cursor: str | None = ""
    with closing(HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        while cursor is not None:
            connection.request("GET", f"/products?cursor={cursor}" if cursor else "/products")
            response = connection.getresponse()
            answer = orjson.loads(response.read())
            if response.status != 200:
                return ids, response.status
            ids += [product["id"] for product in answer["data"]]
            cursor = answer["page"]["next_cursor"]
    return ids, 200


@pytest.mark.proof
def test_a_plain_walk_of_the_demo_meets_no_limit(tmp_path: Path) -> None:
    """Every product of the demo's own size comes once, by a client that neither waits nor knows of a limit."""
    environment, port = developers(tmp_path), free_port()
    del environment["FARMLOKAL_RATE_LIMIT"]
    with running(environment, tmp_path, "demo", "--port", str(port)) as process:
        wait_until_ready(process, port)
        ids, status = walk(port)
    assert 200 == status
    assert DEMO_PRODUCTS == len(ids) == len(set(ids))


def test_a_limit_that_is_set_holds_in_the_demo(tmp_path: Path) -> None:
    """The demo widens nobody's limit: by the service's default, set by hand, the same walk is refused."""
    port = free_port()
    environment = developers(tmp_path) | {"FARMLOKAL_RATE_LIMIT": DEFAULT_QUOTAS}
    with running(environment, tmp_path, "demo", "--products", "5000", "--port", str(port)) as process:
        wait_until_ready(process, port)
        ids, status = walk(port)
    assert 429 == status
    assert DEFAULT_BURST * PAGE_PRODUCTS <= len(ids) < 5000
