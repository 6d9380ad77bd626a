"""What a worker takes of the machine's memory when its cache is full."""

import random
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path

from farmlokal.catalog.categories import CATEGORIES
from tests.bench.answers import ask
from tests.bench.figures import Figure
from tests.bench.hot import LASTING
from tests.bench.service_process import running_service
from tests.bench.settling import wait_until_settled
from tests.bench.shipped import shipped
from tests.bench.stand import Stand

_L1_BYTES = 64 * 2**20
# Pages of 20 products: a fifth more than fit.
_PAGES = 8_000
_CLIENTS = 8
_CODINGS = ("gzip", "br", "identity")


def memory(stand: Stand) -> Iterator[Figure]:
    """Memory of one worker with 64 MiB of cache, full of pages in all codings: its proportional set size."""
    url = stand.catalogue(stand.options.products).url
    settings = {"FARMLOKAL_REDIS_URL": stand.redis.url(), **LASTING, "FARMLOKAL_L1_BYTES": str(_L1_BYTES)}
    with shipped() as code, running_service(url, settings, code=code) as running:
        started_mb = _pss_mb(running.pid)
        wait_until_settled(running.port, stand.options.products)
        sampled_mb = _pss_mb(running.pid)
        with ThreadPoolExecutor(_CLIENTS) as clients:
            list(clients.map(lambda seed: _ask_for_pages(running.port, seed), range(_CLIENTS)))
        full_mb = _pss_mb(running.pid)
        metrics = ask(running.port, "/metrics").body.decode()
    held = re.findall(r"^farmlokal_cache_memory_(bytes|entries) (\S+)", metrics, re.MULTILINE)
    extra = {f"cache_{name}": round(float(value)) for name, value in held}
    extra |= {"started_mb": round(started_mb), "sampled_mb": round(sampled_mb)}
    value = round(full_mb)
    yield Figure(
        "a worker with 64 MiB of cache, full",
        value,
        value,
        value,
        "MB",
        goal="<= 140",
        unit="MB",
        better="smaller",
        extra=extra,
    )


def _ask_for_pages(port: int, seed: int) -> None:
    """Ask for this client's share of the pages, each another one, in the codings by turns."""
    draws = random.Random(seed)
    connection = HTTPConnection("127.0.0.1", port)
    for _ in range(_PAGES // _CLIENTS):
        price = draws.randrange(100, 9_000)
        most = price + draws.randrange(1_000, 90_000)
        target = (
            f"/products?category={draws.choice(CATEGORIES)}&min_price={price / 100:.2f}&max_price={most / 100:.2f}"
            f"&sort={draws.choice(('price', '-price'))}"
        )
        connection.request("GET", target, headers={"Accept-Encoding": draws.choice(_CODINGS)})
        answer = connection.getresponse()
        answer.read()
        if answer.status != HTTPStatus.OK:
            raise ValueError(f"{target}: {answer.status}")
    connection.close()


def _pss_mb(pid: int) -> float:
    """The memory of a process, what it shares with others divided among them, in MB."""
    found = re.search(r"^Pss:\s+(\d+) kB$", Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024 / 1e6
