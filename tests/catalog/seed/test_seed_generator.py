"""The seed is the same catalogue on every machine, whatever part of it is asked for, and fit to be stored."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farmlokal.catalog.records import ProductRecord
from farmlokal.catalog.seed import SOURCE, generate
from farmlokal.catalog.wire import parse_product
from farmlokal.catalog.writing.writer import ProductWriter
from tests.support.service import open_database, sqlite_url

# Changing this constant changes the catalogue of everyone who seeds again: benchmarks before and after are then not
# comparable. Do it on purpose only.
DIGEST_OF_THE_FIRST_1000 = "531656528ac53096883a817724e1855511335d1b12543584bf4852de0a3d68c1"

# What comes behind them has a test of its own, or only rows of market files have it.
WIRE_FIELDS = ProductRecord._fields.index("said")


def digest(records: Iterable[ProductRecord]) -> str:
    """One line per record, hashed."""
    return sha256("".join(f"{record[:WIRE_FIELDS]!r}\n" for record in records).encode()).hexdigest()


def wire(record: ProductRecord) -> dict[str, object]:
    """The record as the partner's feed would send it."""
    fields = {name: value for name, value in record._asdict().items() if name not in ("said", "min_paise", "max_paise")}
    fields["price"] = str(Decimal(fields.pop("price_paise")) / 100)
    return fields


def test_the_first_thousand_products_are_pinned() -> None:
    """An accidental change of what a number stands for is noticed."""
    assert digest(generate(1, 1_000)) == DIGEST_OF_THE_FIRST_1000


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_another_process_makes_the_same_products(hash_seed: str) -> None:
    """Neither the process nor Python's hash seed has a say."""
    script = (
        "from farmlokal.catalog.seed import generate;"
        f" print(*(record[:{WIRE_FIELDS}] for record in generate(999_001, 200)), sep='\\n')"
    )
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert digest(generate(999_001, 200)) == sha256(run.stdout.encode()).hexdigest()


@given(first=st.integers(1, 2_000_000), count=st.integers(0, 20))
def test_a_part_is_what_the_whole_has_there(first: int, count: int) -> None:
    """Product n depends on n alone, so parts of a catalogue can be made side by side."""
    one_by_one = [record for number in range(first, first + count) for record in generate(number, 1)]
    assert one_by_one == list(generate(first, count))


def test_a_small_catalogue_is_the_beginning_of_a_large_one() -> None:
    """How many products are asked for changes none of them."""
    assert list(generate(1, 500)) == list(generate(1, 5_000))[:500]


def test_numbers_start_at_one() -> None:
    """The external id is the number, from the source `seed`, in its first version."""
    expected = [(SOURCE, str(number), 1) for number in range(1, 101)]
    assert expected == [(record.source, record.external_id, record.version) for record in generate(1, 100)]


@pytest.mark.parametrize(("first", "count"), [(0, 1), (-5, 10), (1, -1)])
def test_a_range_that_cannot_be_is_refused_at_once(first: int, count: int) -> None:
    """The caller hears of it when calling, not when the first product is taken."""
    with pytest.raises(ValueError, match="numbered from 1"):
        generate(first, count)


def test_every_product_survives_the_wire() -> None:
    """The wire's model accepts each record and reads the same record back, floats to the last bit."""
    records = list(generate(1, 10_000))
    assert records == [parse_product(wire(record), source="feed") for record in records]


def test_stock_and_time_of_creation_are_always_given() -> None:
    """A seeded row leaves nothing for the store to make up."""
    assert not [record for record in generate(1, 10_000) if record.stock is None or record.created_at is None]


async def test_making_a_product_is_cheap_beside_writing_it(tmp_path: Path) -> None:
    """Seeding waits for the database, not for the generator; the best of three, in the process's own time."""
    products = 2000
    next(generate(1, 1))  # the tables are made once

    def making_s() -> float:
        start = time.process_time()
        for _ in generate(1, products):
            pass
        return time.process_time() - start

    async with open_database(sqlite_url(tmp_path)) as database:
        records = list(generate(1, products))
        start = time.process_time()
        await ProductWriter(database).apply(records)
        writing_s = time.process_time() - start
    assert min(making_s() for _ in range(3)) < writing_s / 4
