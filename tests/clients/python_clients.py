"""Run by the clients' own Python: asks as it is told, a line of JSON each, by the client that is named."""

import asyncio
import json
import queue
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cachecontrol
import hishel
import requests
import requests_cache
from aiohttp_client_cache import CacheBackend, CachedSession
from hishel.httpx import CacheClient

Get = Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes]]

_printing = threading.Lock()


def by_requests(session: requests.Session) -> Get:
    """Ask by a session of requests."""

    def get(url: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        answer = session.get(url, headers=headers, timeout=20)
        return answer.status_code, dict(answer.headers), answer.content

    return get


def by_hishel(name: str, **options: Any) -> Get:
    """Ask by httpx with hishel."""
    client = CacheClient(storage=hishel.SqliteStorage(database_path=Path(f"{name}.db")), timeout=20, **options)

    def get(url: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        answer = client.get(url, headers=headers)
        return answer.status_code, dict(answer.headers), answer.content

    return get


def by_aiohttp() -> Get:
    """Ask by aiohttp-client-cache, in an event loop of its own."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def make() -> CachedSession:
        return CachedSession(cache=CacheBackend(cache_control=True))

    session = asyncio.run_coroutine_threadsafe(make(), loop).result()

    async def ask(url: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        async with session.get(url, headers=headers) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    return lambda url, headers: asyncio.run_coroutine_threadsafe(ask(url, headers), loop).result()


CLIENTS: dict[str, Callable[[], Get]] = {
    "requests-cache": lambda: by_requests(requests_cache.CachedSession(backend="memory", cache_control=True)),
    "CacheControl": lambda: by_requests(cachecontrol.CacheControl(requests.Session())),
    "hishel": lambda: by_hishel("hishel", rfc=True),
    "hishel as it comes": lambda: by_hishel("hishel-as-it-comes"),
    "aiohttp-client-cache": by_aiohttp,
}


def answer(get: Get, asked: dict[str, Any]) -> None:
    """Ask once, and print what came. Times are of the clock that all processes of the machine share."""
    told: dict[str, Any] = {"id": asked["id"], "started_s": time.monotonic()}
    try:
        told["status"], headers, body = get(asked["url"], asked["headers"])
        told |= {"headers": headers, "body": body.decode("utf-8", "replace")}
    except Exception as error:
        told |= {"status": 0, "headers": {}, "body": "", "error": repr(error)}
    told["ended_s"] = time.monotonic()
    with _printing:
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


def work(make: Callable[[], Get], todo: "queue.SimpleQueue[dict[str, Any]]") -> None:
    """Answer for one client, one request after the other: most of them may not be asked by two threads."""
    get = make()
    while True:
        answer(get, todo.get())


def main() -> None:
    """Read requests until the end of the input."""
    queues: dict[str, queue.SimpleQueue[dict[str, Any]]] = {name: queue.SimpleQueue() for name in CLIENTS}
    for name, make in CLIENTS.items():
        threading.Thread(target=work, args=(make, queues[name]), daemon=True).start()
    for line in sys.stdin:
        asked = json.loads(line)
        queues[asked["client"]].put(asked)


if __name__ == "__main__":
    main()
