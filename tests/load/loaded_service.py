"""A service to load: its servers, a filled catalogue, its partner and its workers, gone when the block ends."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from farmlokal.simulator.credentials import CLIENT_ID, CLIENT_SECRET, FEED_SCOPE
from farmlokal.simulator.webhooks import WEBHOOK_SECRET
from tests.bench import stand as bench
from tests.bench.service_process import running_service
from tests.support.partner_process import PartnerProcess, partner_process

# Guards nothing: the service is gone when the load test ends.
API_KEY = "a-key-of-the-load-test"

_PARTNER_SHARE = 0.01
_PARTNER_PRODUCTS_MIN = 1_000
_WAIT_MAX_S = 60
# The first count of a million products takes a minute beside requests.
_DIRECTORY_WAIT_MAX_S = 300
# Each connection goes to one worker, at random: so many for each of them in a row miss none in ten thousand runs.
_CONNECTIONS_PER_WORKER = 8


@dataclass(frozen=True, slots=True)
class Options:
    """products: size of the catalogue. workers: the service's. embedded: SQLite and no Redis, and so one worker."""

    products: int
    workers: int
    embedded: bool


def default_workers() -> int:
    """A core is left for locust; at least two workers, so that what spans processes is part of the test."""
    return max(2, len(os.sched_getaffinity(0)) - 1)


@dataclass(frozen=True, slots=True)
class Loadable:
    """A service that is ready."""

    url: str
    partner: PartnerProcess

    @property
    def tokens_issued(self) -> int:
        """How many access tokens the partner has issued to it."""
        return int(self.partner.control("stats")["tokens"]["issued"])


@contextmanager
def loadable_service(options: Options) -> Iterator[Loadable]:
    """Run a service as `options` say."""
    with ExitStack() as resources:
        folder = Path(resources.enter_context(TemporaryDirectory()))
        partner_products = max(_PARTNER_PRODUCTS_MIN, int(options.products * _PARTNER_SHARE))
        partner = resources.enter_context(partner_process(folder, partner_products))
        variables = {
            # What the limiter costs is measured by the benchmarks; here it would refuse the load of one machine.
            "FARMLOKAL_RATE_LIMIT": "off",
            "FARMLOKAL_API_KEYS": API_KEY,
            "FARMLOKAL_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "FARMLOKAL_PARTNER_URL": partner.url,
            "FARMLOKAL_OAUTH_TOKEN_URL": f"{partner.url}/oauth/token",
            "FARMLOKAL_OAUTH_CLIENT_ID": CLIENT_ID,
            "FARMLOKAL_OAUTH_CLIENT_SECRET": CLIENT_SECRET,
            "FARMLOKAL_OAUTH_SCOPE": FEED_SCOPE,
        }
        if options.embedded:
            database_url = _embedded_catalogue(folder, options.products)
        else:
            stand = resources.enter_context(bench.Stand(bench.Options(options.products, seconds=1, rounds=1)))
            database_url = stand.catalogue(options.products).url
            variables["FARMLOKAL_REDIS_URL"] = stand.redis.url()
        service = resources.enter_context(running_service(database_url, variables, workers=options.workers))
        url = f"http://127.0.0.1:{service.port}"
        say(f"first sync, {partner_products:,} products")
        _sync(url)
        _wait_for_counts(url, options.workers)
        _wait_for_directory(url)
        yield Loadable(url, partner)


def say(text: str) -> None:
    """One line about what happens, beside the results."""
    sys.stderr.write(f"{text}\n")


def _embedded_catalogue(folder: Path, products: int) -> str:
    url = f"sqlite:///{folder / 'catalogue.db'}"
    say(f"seeding {products:,} products")
    bench.farmlokal(url, "init-db")
    bench.farmlokal(url, "seed", "--products", str(products))
    return url


def _sync(url: str) -> None:
    """Bring the whole feed in, so that the operator of the load test syncs what changed, as operators do."""
    request = Request(f"{url}/external/sync?full=true", headers={"X-API-Key": API_KEY})  # noqa: S310 - our own server
    deadline = time.monotonic() + _WAIT_MAX_S
    while time.monotonic() < deadline:
        # A run that takes longer than a request may last is answered 202, and joined by the next one.
        with urlopen(request, timeout=_WAIT_MAX_S) as answer:  # noqa: S310
            if answer.status == HTTPStatus.OK:
                assert json.load(answer)["state"] == "done"
                return
    raise TimeoutError("the first sync did not end")


def _wait_for_counts(url: str, workers: int) -> None:
    """Return once every worker has counted the categories, as it does behind after its start and after such a sync."""
    deadline = time.monotonic() + _WAIT_MAX_S
    in_a_row = 0
    while in_a_row < _CONNECTIONS_PER_WORKER * workers:
        if time.monotonic() > deadline:
            raise TimeoutError("not every worker has counted the categories")
        with urlopen(f"{url}/categories", timeout=_WAIT_MAX_S) as answer:  # noqa: S310 - our own server
            in_a_row = in_a_row + 1 if "detail=memory" in answer.headers["Cache-Status"] else 0


def _wait_for_directory(url: str) -> None:
    """Return once the places and farms have been counted, which one worker does for all."""
    deadline = time.monotonic() + _DIRECTORY_WAIT_MAX_S
    for target in ("/places", "/farms"):
        while True:
            try:
                with urlopen(f"{url}{target}", timeout=_WAIT_MAX_S):  # noqa: S310 - our own server
                    break
            except HTTPError as error:
                error.close()
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    raise
            time.sleep(0.5)
