"""A seeded catalogue on a server that counts the index entries that each page reads."""

import math
import random
import sys
import warnings
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import aiomysql

from farmlokal.catalog.planning.cost import candidates
from farmlokal.catalog.planning.planner import Plan, Scan, choose_plan
from farmlokal.catalog.planning.sample import Sample, draw_sample
from farmlokal.catalog.question.filters import UNIT
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.reading.statement import Statement, page_statement
from farmlokal.catalog.reading.units import by_names
from farmlokal.database.address import MySQLAddress, parse_address
from farmlokal.database.dialect import MYSQL
from farmlokal.database.interface import Database
from farmlokal.database.mysql_opening import RANGES_WEIGHT_MAX
from tests.support.big_catalogue import fill_big_catalogue
from tests.support.service import open_database

# The optimiser counts an entry that it reads to see that a range has ended, and the rows of the page by primary key.
READS_MIN = 200


class ExplainedScan(NamedTuple):
    """What EXPLAIN says of a scan. covered: its index alone answers. sorts: what it finds is sorted then."""

    index_name: str
    covered: bool
    sorts: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A seeded catalogue, a sample of it, and a cursor on a connection that counts its own reads."""

    products: int
    sample: Sample
    cursor: Any
    mariadb: bool

    @property
    def bound(self) -> float:
        """The index entries that a page may read: four times as many as at the worst selectivity."""
        return 4 * math.sqrt(21 * self.products)

    async def reads(self, query: ListingQuery, plan: Plan) -> int:
        """The index entries that the server reads for `query`; those for the rows of the page are among them."""
        before = await self.handler_reads()
        statement = page_statement(query, MYSQL, plan)
        await self.cursor.execute(statement.sql, statement.params)
        await self.cursor.fetchall()
        return await self.handler_reads() - before

    async def page_reads(self, query: ListingQuery) -> int:
        """The index entries that the server reads for the whole of a page, by whatever statements it takes."""
        store = ProductStore(one_connection(self.cursor))
        store.planner.sample = self.sample
        before = await self.handler_reads()
        await store.page(query)
        return await self.handler_reads() - before

    async def uses_covering_indexes(self, query: ListingQuery, plan: Plan) -> bool:
        """Whether EXPLAIN says of every scan of `plan` that its index alone answers."""
        return await self.is_covered(page_statement(query, MYSQL, plan), {scan.index for scan in plan.scans})

    async def is_covered(self, statement: Statement, indexes: set[str]) -> bool:
        """Whether EXPLAIN says of every scan of one of `indexes` in a statement that the index alone answers."""
        uncovered = [scan for scan in await self.scans(statement, indexes) if not scan.covered]
        sys.stdout.writelines(f"not covered: {scan}\n" for scan in uncovered)
        return not uncovered

    async def scans(self, statement: Statement, indexes: set[str]) -> list[ExplainedScan]:
        """What EXPLAIN says of every scan of one of `indexes` in a statement.

        A scan whose conditions contradict each other is not run at all, and then is not said.
        """
        explain = "EXPLAIN " if self.mariadb else "EXPLAIN FORMAT=TRADITIONAL "
        with warnings.catch_warnings():
            # MySQL sends the rewritten query as a note, which the driver makes a warning of.
            warnings.simplefilter("ignore")
            await self.cursor.execute(explain + statement.sql, statement.params)
        columns = [column[0] for column in self.cursor.description]
        lines = [dict(zip(columns, row, strict=True)) for row in await self.cursor.fetchall()]
        # "Using index condition" is another remark: it reads rows.
        remarks = [(line["key"], line["Extra"].split("; ")) for line in lines if line["key"] in indexes]
        return [ExplainedScan(key, "Using index" in said, "Using filesort" in said) for key, said in remarks]

    async def handler_reads(self) -> int:
        """Returns how many index entries and rows this connection has read so far."""
        await self.cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(value) for name, value in await self.cursor.fetchall() if "rnd" not in name)


def one_connection(cursor: Any) -> Database:
    """As much of a database as pages need, on the connection that counts."""
    return cast("Database", _OneConnection(cursor))


class _OneConnection:
    dialect = MYSQL

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    async def fetch(self, sql: str, params: Any = ()) -> Any:
        """The rows of a statement."""
        await self._cursor.execute(sql, params)
        return await self._cursor.fetchall()

    fetch_texts = fetch


async def seeded(url: str, products: int, *, table: QuestionTable = TABLE, indexes: Sequence[str] = ()) -> Sample:
    """Bring `products` into the empty database at `url`; return a sample of them.

    table: what may be asked. indexes: statements that make some that the schema has not.
    """
    address = parse_address(url)
    assert isinstance(address, MySQLAddress)
    async with open_database(url, statement_limit_ms=60_000) as database:
        # One process, so that a product has the same id in each run, and the sample and the questions are the same.
        await fill_big_catalogue(database, address, products, processes=1)
        await database.run_script(indexes)
        return await draw_sample(database, table=table, choose=random.Random(5).sample)


async def catalogue_at(url: str, products: int, sample: Sample) -> AsyncIterator[Catalogue]:
    """Connect to the seeded `products` at `url`, of which `sample` is a sample."""
    address = parse_address(url)
    assert isinstance(address, MySQLAddress)
    connection = await aiomysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        db=address.database,
        autocommit=True,
    )
    async with connection.cursor() as cursor:
        mariadb = "MariaDB" in connection.server_version
        # As the service's connections have it.
        weight, memory = f"optimizer_max_sel_arg_weight = {RANGES_WEIGHT_MAX}", "range_optimizer_max_mem_size = 0"
        await cursor.execute(f"SET SESSION {weight if mariadb else memory}")
        yield Catalogue(products, sample, cursor, mariadb)
    connection.close()


def alternatives(query: ListingQuery, sample: Sample) -> list[Scan]:
    """What else a sensible plan could be: the indexes in the order asked for, and the filters' own ranges."""
    return [
        Scan(one.index.name, query.filters, 0, cells=one.cells)
        for one in candidates(query.filters, sample)
        if one.index.sort == query.sort.name or (one.bounded and one.index.sortable)
    ]


async def wasted(catalogue: Catalogue, query: ListingQuery) -> tuple[int, int, str] | None:
    """What a page reads, and what the best other plan for it does, where that is over the bound and twice as good.

    Plans that read rows are not comparable: the server does not count what it leaves out by their index alone.
    """
    if query.filters.get(UNIT) is not None:
        found = await by_names(query, one_connection(catalogue.cursor))
        if found is None:
            return None
        query = found
    reads = await catalogue.reads(query, choose_plan(query, catalogue.sample))
    if reads <= catalogue.bound + READS_MIN:
        return None
    plans = [Plan((scan,)) for scan in alternatives(query, catalogue.sample)]
    others = [await catalogue.reads(query, one) for one in plans if await catalogue.uses_covering_indexes(query, one)]
    return (reads, min(others), query.canonical()) if others and reads > 2 * min(others) else None
