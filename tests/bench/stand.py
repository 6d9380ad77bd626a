"""The test stand: servers, filled catalogues, and the processes that make load, all gone when the benchmark ends."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from typing import Any, ParamSpec, Self, TypeVar

from farmlokal.database.address import MySQLAddress, parse_address
from tests.bench.cores import kept_to
from tests.bench.service_process import HERE, Code
from tests.servers import DatabaseAccess, MariaDBServer, NamedDatabase, RedisServer
from tests.servers.process import ServerProcess

P = ParamSpec("P")
T = TypeVar("T")

# A product takes about 2.1 KB with its index entries: all of the catalogue fits, as on a machine that was sized for it.
_BUFFER_BYTES_PER_PRODUCT = 3_000
_BUFFER_BYTES_MIN = 512 * 2**20
_BUFFER_MEMORY_SHARE = 0.5
_SAMPLED_ROWS = 5_000


@dataclass(frozen=True, slots=True)
class Options:
    """products: size of the catalogue. seconds: of one sample. rounds: samples of one figure.

    server: the URL of a database server to measure instead of an own one. soak_s, soak_urls: how long the
    soak lasts, and how many different URLs it asks for.
    """

    products: int
    seconds: float
    rounds: int
    server: str | None = None
    soak_s: float = 600.0
    soak_urls: int = 2_000


@dataclass(frozen=True, slots=True)
class Sampled:
    """What one product of the catalogue holds: it makes questions that have an answer."""

    id: int
    category: str
    price_paise: int
    district_key: str
    farm_id: int | None
    created_at: str
    name_key: str
    rating_key: int
    lat: float | None
    lon: float | None


@dataclass(frozen=True)
class Catalogue:
    """One filled database."""

    access: DatabaseAccess
    name: str
    products: int

    @property
    def url(self) -> str:
        """Its URL."""
        return self.access.url(self.name)

    @property
    def address(self) -> MySQLAddress:
        """Its address."""
        return mysql_address(self.url)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of one statement."""
        return self.access.execute(statement, database=self.name)

    @cached_property
    def sampled(self) -> list[Sampled]:
        """Products drawn at random, the same ones on each call."""
        ((first, last),) = self.execute("SELECT MIN(id), MAX(id) FROM products")
        return self.rows_of(random.Random(1).sample(range(first, last + 1), min(_SAMPLED_ROWS, last + 1 - first)))

    def rows_of(self, ids: Sequence[int]) -> list[Sampled]:
        """Those of the products with `ids` that are live."""
        rows = self.execute(
            "SELECT id, category, CAST(price * 100 AS SIGNED), district_key, farm_id,"
            " DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%sZ'), name_key, rating_key, lat, lon"
            f" FROM products WHERE id IN ({', '.join(map(str, ids))}) AND live = 1"
        )
        return [Sampled(*row) for row in rows]


class Stand:
    """Everything that a group of figures measures with. A context manager."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self._resources = ExitStack()
        self._catalogues: dict[tuple[int, Code], Catalogue] = {}
        self._databases = 0

    def __enter__(self) -> Self:
        start = self._resources.enter_context
        self.access: DatabaseAccess
        if self.options.server:
            self.access = NamedDatabase(self.options.server)
        else:
            self.access = start(MariaDBServer(*_server_options(self.options.products)))
        self.redis = start(RedisServer())
        # Processes of their own, so that neither load nor reference shares a core's time with us or with each other.
        context = get_context("spawn")
        self._load = start(ProcessPoolExecutor(1, mp_context=context))
        self._writes = start(ProcessPoolExecutor(1, mp_context=context))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._resources.close()

    def __repr__(self) -> str:
        return f"<Stand {self.options} catalogues={list(self._catalogues.values())}>"

    @contextmanager
    def servers_kept_to(self, cores: Sequence[int]) -> Iterator[None]:
        """Keep our servers to these cores, where there are any, until the block ends: no other is disturbed by them."""
        with ExitStack() as kept:
            for server in (self.access, self.redis):
                if isinstance(server, ServerProcess):
                    kept.enter_context(kept_to(cores, server.pid))
            yield

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `function` gives when it runs in the process for load."""
        return self._load.submit(function, *args, **kwargs).result()

    def start_beside(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start `function` in the process for what happens beside the load."""
        return self._writes.submit(function, *args, **kwargs)

    def new_database(self, code: Code = HERE) -> str:
        """The name of a new database with the code's schema and no products; it is dropped at the end."""
        self._databases += 1
        name = f"farmlokal_bench_{os.getpid()}_{self._databases}"
        self.access.create_database(name)
        self._resources.callback(self.access.drop_database, name)
        farmlokal(self.access.url(name), "init-db", code=code)
        return name

    def catalogue(self, products: int, code: Code = HERE) -> Catalogue:
        """The catalogue of so many seed products, filled by the code on the first call."""
        if (products, code) not in self._catalogues:
            print(f"seeding {products:,} products", file=sys.stderr)  # noqa: T201 - a program of its own
            name = self.new_database(code)
            farmlokal(self.access.url(name), "seed", "--products", str(products), code=code)
            self._catalogues[products, code] = Catalogue(self.access, name, products)
        return self._catalogues[products, code]


def farmlokal(url: str, *arguments: str, code: Code = HERE) -> float:
    """Run the command on the database at `url`; how many seconds it took. Raises CalledProcessError when it fails."""
    started = time.perf_counter()
    environment = code.environment(url)
    subprocess.run(code.command(*arguments), cwd=code.folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def mysql_address(url: str) -> MySQLAddress:
    """The address of a MySQL URL."""
    address = parse_address(url)
    assert isinstance(address, MySQLAddress)
    return address


def _server_options(products: int) -> list[str]:
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wanted_bytes = max(_BUFFER_BYTES_MIN, products * _BUFFER_BYTES_PER_PRODUCT)
    buffer_bytes = min(wanted_bytes, int(memory_bytes * _BUFFER_MEMORY_SHARE))
    # The log option is named differently by MariaDB and MySQL: each takes its own and passes over the other.
    logs = ("--loose-innodb-log-file-size=1G", "--loose-innodb-redo-log-capacity=1G")
    return [f"--innodb-buffer-pool-size={buffer_bytes}", *logs, "--local-infile=ON"]
