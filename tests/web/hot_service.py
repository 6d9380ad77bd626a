"""What the tests of the hot path share: a load that is held up, and a look at what is left behind."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from farmlokal.limiting.quotas import DEFAULT
from farmlokal.web import keys
from farmlokal.web.hot.look_up import LookUpConnection
from farmlokal.web.hot.path import HotPath
from tests.support.kept_connection import KeptConnection
from tests.support.service import Service
from tests.support.waiting import until
from tests.web.watched_store import WatchedStore

# Nobody meets it.
LIMITED = "default=1000000/hour"


@contextmanager
def no_loose_ends() -> Iterator[None]:
    """No exception of the block reaches the event loop, of a task that nobody waited for or of a callback."""
    loop, reported = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        yield
        gc.collect()
        assert [] == reported
    finally:
        loop.set_exception_handler(None)


def tasks_of(*names: str) -> list[str]:
    """The running tasks that are one of the coroutines with `names`."""
    found = [getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks()]
    return [name for name in found if name.rpartition(".")[2] in names]


def spent(service: Service) -> float:
    """How many requests the rate limit counted."""
    table = service.app[keys.LIMITER].quota_clients[DEFAULT].table
    return sum(client.spent for client in table.clients.values())


def server_of(service: Service) -> web.Server:
    """What makes its connection handlers."""
    assert service.runner.server is not None
    return service.runner.server


def connections_of(service: Service) -> list[LookUpConnection]:
    """Its connections, each with the hot path."""
    return [one for one in server_of(service).connections if isinstance(one, LookUpConnection)]


def hot_path_of(service: Service) -> HotPath:
    """Its hot path."""
    hot: HotPath = server_of(service).hot  # type: ignore[attr-defined]
    return hot


async def held_up(store: WatchedStore, connection: KeptConnection, *sent: bytes) -> asyncio.Event:
    """Send what begins with a page that memory does not hold; what its load waits for."""
    store.gate = asyncio.Event()
    await connection.send(sent)
    await until(lambda: store.questions > 0)
    return store.gate


def asking(target: str) -> bytes:
    """A request for `target`."""
    return f"GET {target} HTTP/1.1\r\nHost: test\r\n\r\n".encode()
