"""The planner's sample has as many products as it is to have, whatever gaps their ids have."""

import random
from pathlib import Path

import pytest

from farmlokal.catalog.planning.sample import draw_sample
from farmlokal.catalog.seed.generator import generate
from farmlokal.catalog.writing.writer import ProductWriter
from tests.support.service import open_database, sqlite_url

PRODUCTS, WANTED = 1200, 200


@pytest.mark.parametrize(
    ("step", "deleted", "draws"), [(1, 0, 1), (3, 0, 2), (1, 0.5, 2), (40, 0, 2)], ids=["dense", "3", "half", "40"]
)
async def test_gaps_between_ids_do_not_make_it_small(tmp_path: Path, step: int, deleted: float, draws: int) -> None:
    """Three nodes that write leave two of three ids out; so do deletions. At most eight times as many are tried."""
    asked: list[int] = []
    draw = random.Random(5)

    def choose(ids: range, count: int) -> list[int]:
        asked.append(count)
        return draw.sample(ids, count)

    async with open_database(sqlite_url(tmp_path)) as database:
        await ProductWriter(database).apply(list(generate(1, PRODUCTS)))
        await database.run_script(
            [f"UPDATE products SET id = -id * {step}", "UPDATE products SET id = -id"]
            + [f"UPDATE products SET live = 0 WHERE id % 100 < {100 * deleted}"] * bool(deleted)
        )
        sample = await draw_sample(database, rows=WANTED, choose=choose)
    assert draws == len(asked)
    found = WANTED * min(1, 8 / step)
    # Four standard deviations of such a draw.
    assert len(sample) == pytest.approx(found, abs=4 * found**0.5)
    assert len(sample) / sample.share == pytest.approx(PRODUCTS * (1 - deleted), rel=4 / found**0.5)
