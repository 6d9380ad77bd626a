"""The service as operators run it (two workers, MariaDB, Redis, a partner), under traffic and scraped by Prometheus."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

import redis

from farmlokal.simulator.credentials import FEED_SCOPE
from tests.deploy.prometheus_server import PrometheusServer, shortened_rules
from tests.servers import MariaDBServer, RedisServer
from tests.servers.freezing import freeze, thaw
from tests.servers.process import free_port
from tests.support.command import farmlokal, operators, wait_until_ready
from tests.support.partner_process import PartnerProcess, partner_process
from tests.support.secret_watch import watch_output, watch_variables
from tests.support.webhook_sender import SECRET, body_of, headers_for, new_id

DATABASE = "farmlokal"
API_KEY = "a key that alerts are made with".replace(" ", "-")
# Long enough for the alert that waits for a second of it, with scrapes that a busy machine misses.
DRAIN_S = 15
# Questions asked again and again: with a fresh time of a second, each is a hit, a stale one and a miss by turns.
_QUESTIONS = 20
# Slow enough for a busy machine, quick enough for a rate over some seconds.
_EVERY_S = 0.05


class Traffic:
    """Asks `ask` again and again in a thread of its own while the block lasts, whatever comes of it."""

    def __init__(self, ask: Callable[[], object], every_s: float = _EVERY_S) -> None:
        self._ask = ask
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError, HTTPException):
                self._ask()
            self._stop.wait(self._every_s)


class ObservedService(NamedTuple):
    """What runs, and how to ask it. Every request has a connection of its own, so that each worker gets some."""

    process: subprocess.Popen[str]
    port: int
    database: MariaDBServer
    redis: RedisServer
    partner: PartnerProcess
    prometheus: PrometheusServer
    numbers: Iterator[int]

    def ask(self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> int:
        """The status that one request is answered with; waits longer than any answer may take."""
        with contextlib.closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, target, body=body or None, headers={"X-API-Key": API_KEY, **(headers or {})})
            return connection.getresponse().status

    def browse(self) -> None:
        """Ask one of the usual questions, and now and then for something else."""
        number = next(self.numbers)
        self.ask("GET", f"/products?limit={number % _QUESTIONS + 1}")
        if number % 10 == 0:
            for target in ("/products/1", "/categories", "/nowhere"):
                self.ask("GET", target)

    def ask_something_new(self) -> None:
        """Ask what nobody asked before."""
        self.ask("GET", f"/products?min_price=0.{next(self.numbers) % 100:02d}&farm_id={next(self.numbers)}")

    def sync(self) -> int:
        """Fetch what changed at the partner: one call to it."""
        return self.ask("POST", "/external/sync")

    def deliver(self, data: object, *, event_type: str = "product.upserted", secret: str = SECRET) -> int:
        """Deliver one event, signed with `secret`."""
        body = body_of(event_type, data)
        return self.ask("POST", "/external/webhook", headers_for(new_id(), body, secret=secret), body)

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text("ascii")
        return [int(pid) for pid in children.split()]

    def configure_redis(self, **settings: str) -> None:
        """Change settings of the running Redis."""
        with redis.Redis.from_url(self.redis.url()) as client:
            for name, value in settings.items():
                client.config_set(name.replace("_", "-"), value)


def freeze_for(pid: int, seconds: float) -> None:
    """Stop a process for a while, as a machine that swaps does."""
    freeze(pid)
    time.sleep(seconds)
    thaw(pid)


@contextlib.contextmanager
def observed_service(folder: Path) -> Iterator[ObservedService]:
    """Run it all until the block ends."""
    with (
        MariaDBServer() as database,
        RedisServer() as redis_server,
        partner_process(folder, 3000) as partner,
        PrometheusServer(shortened_rules()) as prometheus,
    ):
        database.create_database(DATABASE)
        port, metrics_port = free_port(), free_port()
        environment = operators(folder, database.url(DATABASE), redis_server.url()) | {
            "FARMLOKAL_METRICS_PORT": str(metrics_port),
            "FARMLOKAL_API_KEYS": API_KEY,
            "FARMLOKAL_WEBHOOK_SECRETS": SECRET,
            "FARMLOKAL_CACHE_TTL_S": "1",
            "FARMLOKAL_RATE_LIMIT": "default=1000000/minute,token=600/minute",
            # More slots than connections: then loads wait for the one and for the other.
            "FARMLOKAL_DATABASE_POOL": "2",
            "FARMLOKAL_ORIGIN_LOADS": "4",
            "FARMLOKAL_DRAIN_S": str(DRAIN_S),
            **{name: value for name, value in partner.environment(folder, "").items() if _is_of_partner(name)},
            "FARMLOKAL_OAUTH_SCOPE": FEED_SCOPE,
        }
        for command in (("init-db",), ("seed", "--products", "2000")):
            assert 0 == farmlokal(environment, folder, *command).returncode
        with _serving(environment, folder, "--port", str(port), "--workers", "2") as process:
            wait_until_ready(process, port)
            prometheus.aim([f"127.0.0.1:{metrics_port}"])
            yield ObservedService(process, port, database, redis_server, partner, prometheus, itertools.count())


@contextlib.contextmanager
def _serving(environment: dict[str, str], folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """`farmlokal serve`, which writes to a file: a pipe that nobody empties would stop a service with much to tell."""
    path = folder / "service.log"
    watch_variables(environment)
    with path.open("wb") as log:
        process: subprocess.Popen[str] = subprocess.Popen(
            [sys.executable, "-m", "farmlokal", "serve", *arguments],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            text=True,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        watch_output(path.read_text("utf-8"))


def _is_of_partner(name: str) -> bool:
    return name.startswith(("FARMLOKAL_OAUTH", "FARMLOKAL_PARTNER"))
