"""What readers and senders see of a fault, on every engine: `pytest -s` prints the rows of docs/scaling.md."""

from collections.abc import Callable
from pathlib import Path

import pytest

from farmlokal.caching.tag_history import HEARD_S
from tests.engines.every_stand import EVERY_STAND_ALONE
from tests.engines.faults import NOTICED_S, day
from tests.engines.stands import Stand
from tests.support.lateness import lateness

# For so long after its end a fault may leave old pages that are called fresh.
LIED_MAX_S = 1.0
# As old may a page be, whenever it is called fresh: what nobody can have heard of, and what a notice takes besides.
OLD_MAX_S = HEARD_S + NOTICED_S


@pytest.mark.parametrize("make_stand", EVERY_STAND_ALONE)
async def test_a_day_of_faults(make_stand: Callable[[], Stand], tmp_path: Path) -> None:
    """No listing fails, no event is lost or doubled, and nothing is called fresh that has been old for long."""
    with make_stand() as stand:
        async with lateness() as late:
            seen = await day(stand, tmp_path)
    print("", *seen.rows, sep="\n")  # noqa: T201 - for the documentation, and where the test fails
    assert [] == seen.wrong
    assert [] == [row for row in seen.rows if row.lied_s > LIED_MAX_S + late.allowed_s]
    assert [] == [row for row in seen.rows if row.oldest_s > OLD_MAX_S + late.allowed_s]
