"""The writer beside a model of it in a dictionary: any sequence of batches comes to the same on both."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from farmlokal.catalog.records import Deletion, ProductRecord
from farmlokal.catalog.wire import wire_time
from farmlokal.catalog.writing.outcomes import WriteOutcome
from farmlokal.catalog.writing.versions import Change
from farmlokal.database.address import SQLiteAddress, parse_address
from tests.catalog.upserting import START, Writing
from tests.support.backends import new_database_url, on_every_backend
from tests.support.service import open_database

EXAMPLES = 200
EXAMPLES_ON_A_SERVER = 40

_catalogue_number = count(1)


@dataclass(frozen=True)
class Row:
    """What the model keeps of a product: the newest version, what was said under it, and what outlives it."""

    version: int
    said: Change
    live: bool
    stock: int
    created_at: str


class Model:
    """The rules of writing, one change at a time."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def apply(self, change: Change) -> WriteOutcome:
        """What becomes of `change`."""
        row = self.rows.get(change.external_id)
        if row is not None and change.version < row.version:
            return WriteOutcome.OUTDATED
        if row is not None and change.version == row.version and change != row.said:
            return WriteOutcome.REJECTED
        if row is not None and change.version == row.version and (row.live or isinstance(change, Deletion)):
            return WriteOutcome.UNCHANGED
        old = row or Row(0, change, live=False, stock=0, created_at=wire_time(START))
        new = replace(old, version=change.version, said=change, live=isinstance(change, ProductRecord))
        if isinstance(change, ProductRecord):
            stock = old.stock if change.stock is None else change.stock
            new = replace(new, stock=stock, created_at=change.created_at or old.created_at)
        self.rows[change.external_id] = new
        if isinstance(change, Deletion):
            return WriteOutcome.DELETED if old.live else WriteOutcome.UNCHANGED
        return WriteOutcome.UPDATED if old.live else WriteOutcome.CREATED

    def bury_unseen(self, seen: set[str]) -> int:
        """Bury the live rows that are not in `seen`; how many."""
        unseen = {name: row for name, row in self.rows.items() if row.live and name not in seen}
        self.rows |= {name: replace(row, live=False) for name, row in unseen.items()}
        return len(unseen)


identities = st.sampled_from(["a", "b", "c"])
versions = st.integers(1, 4)
records = st.builds(
    ProductRecord,
    source=st.just(""),
    external_id=identities,
    version=versions,
    name=st.sampled_from(["Okra", "Beans"]),
    category=st.just("vegetables"),
    price_paise=st.sampled_from([5, 2450]),
    unit=st.just("kg"),
    farm=st.sampled_from([None, "Rao", "RAO"]),
    market=st.sampled_from([None, "Pimpri"]),
    district=st.sampled_from([None, "Pune"]),
    state=st.none(),
    lat=st.sampled_from([None, 18.62]),
    lon=st.none(),
    stock=st.sampled_from([None, 0, 5]),
    organic=st.booleans(),
    rating=st.sampled_from([None, 0.0, 4.35]),
    created_at=st.sampled_from([None, "2024-06-01T00:00:00Z"]),
    said=st.none(),
    min_paise=st.none(),
    max_paise=st.none(),
    image_url=st.sampled_from([None, "https://farm.example/okra.jpg"]),
    description=st.sampled_from([None, "Tender"]),
    brand=st.sampled_from([None, "Gaon Se"]),
)
deletions = st.builds(Deletion, source=st.just(""), external_id=identities, version=versions)
batches = st.lists(records | deletions, max_size=6)


@pytest.fixture
def backend_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a new, empty database."""
    return new_database_url(request)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """An event loop for every example of one test."""
    with asyncio.Runner() as runner:
        yield runner


@on_every_backend
def test_the_writer_does_what_the_model_does(backend_url: str, runner: asyncio.Runner) -> None:
    """Outcomes and rows are the model's after any batches, also with burials of what a batch did not meet."""
    on_sqlite = isinstance(parse_address(backend_url), SQLiteAddress)
    opening = open_database(backend_url)
    database = runner.run(opening.__aenter__())

    @settings(
        max_examples=EXAMPLES if on_sqlite else EXAMPLES_ON_A_SERVER,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.lists(st.tuples(batches, st.booleans()), max_size=5), st.booleans())
    def compare(steps: list[tuple[list[Change], bool]], load: bool) -> None:
        runner.run(compare_steps(Writing(database, load=load), steps))

    try:
        compare()
    finally:
        runner.run(opening.__aexit__(None, None, None))


async def compare_steps(write: Writing, steps: list[tuple[list[Change], bool]]) -> None:
    """Take `steps` (a batch, and whether a burial of the unseen follows) in a source of their own, on both."""
    model, source = Model(), f"s{next(_catalogue_number)}"
    for number, (batch, burial) in enumerate(steps):
        changes = [change._replace(source=source) for change in batch]
        run = f"{source}-{number}"
        assert [model.apply(change) for change in changes] == await write(*changes, sighting=run)
        if burial:
            seen = {change.external_id for change in changes}
            buried = await write.writer.sightings.bury_unseen(source, run, before=write.now.replace(minute=59))
            assert model.bury_unseen(seen) == buried
        assert expected_rows(model) == await stored_rows(write, source)


def expected_rows(model: Model) -> list[tuple[object, ...]]:
    """What the rows of `model` look like when they are read back: of a tombstone, only that it is one."""
    rows: list[tuple[object, ...]] = []
    for name, row in sorted(model.rows.items()):
        shown: tuple[object, ...] = ()
        if row.live and isinstance(row.said, ProductRecord):
            said = row.said
            price = f"{said.price_paise // 100}.{said.price_paise % 100:02}"
            shown = (said.name, price, said.farm, row.stock, int(said.organic), said.rating, row.created_at)
        rows.append((name, row.version, int(row.live), *shown))
    return rows


async def stored_rows(write: Writing, source: str) -> list[tuple[object, ...]]:
    """The rows of `source` in the same form."""
    price = write.database.dialect.price_sql
    rows = await write.database.fetch(
        f"SELECT external_id, version, live, name, {price}, farm_name, stock, organic, rating + 0.0e0, created_at"
        " FROM products WHERE source = %s ORDER BY external_id",
        (source,),
    )
    return [row if row[2] else row[:3] for row in rows]
