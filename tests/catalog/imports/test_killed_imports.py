"""SIGKILL in the middle of an import that replaces, then the same command again: the same catalogue."""

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.catalog.imports.catalogue_support import Catalogue
from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.support.command import developers, farmlokal, run_module
from tests.support.service import SECRET_KEY, open_database

LISTED = 2500  # three batches
ABSENT = 40


def day(first: int, last: int, date: str, modal: str) -> str:
    """Prices of so many kinds at one market."""
    return mandi_csv(
        *(mandi_row(Variety=f"Kind {number}", Arrival_Date=date, Modal=modal) for number in range(first, last))
    )


async def look(url: str, folder: Path) -> tuple[list[tuple[Any, ...]], int]:
    """The catalogue, and how many of the products that the newer file does not list are on offer."""
    async with open_database(url) as database:
        whole = await Catalogue(database, folder).whole()
        old = await database.fetch(
            "SELECT COUNT(*) FROM products WHERE live = 1 AND external_id LIKE %s", ("%|absent %|faq",)
        )
        return whole, old[0][0]


async def start_anew(url: str, folder: Path) -> None:
    """A catalogue of the older day, as an import leaves it."""
    async with open_database(url) as database:
        await database.run_script(
            [f"DELETE FROM {table}" for table in ("products", "names", "sightings", "market_files", "usual_prices")]
        )
        await Catalogue(database, folder).load(folder / "old.csv")


@pytest.mark.proof
@pytest.mark.parametrize("backend_url", ["sqlite", "mariadb"], indirect=True)
async def test_a_killed_import_comes_to_the_same_catalogue(backend_url: str, tmp_path: Path) -> None:
    """Wherever it dies, the products that its file lacks are all there or all gone, and run again it ends the same."""
    environment = developers(tmp_path) | {
        "FARMLOKAL_DATABASE_URL": backend_url,
        "FARMLOKAL_SECRET_KEY": SECRET_KEY,
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    absent = [mandi_row(Variety=f"Absent {number}") for number in range(ABSENT)]
    old = day(0, LISTED, "19/02/2025", "1400").splitlines()
    (tmp_path / "old.csv").write_text("\n".join([*old, *absent, ""]))
    (tmp_path / "new.csv").write_text(day(0, LISTED + 500, "20/02/2025", "1500"))
    replacing = ("import", "new.csv", "--replace")
    await start_anew(backend_url, tmp_path)
    whole = run_module("tests.catalog.imports.killed_import", environment, tmp_path, "0", *replacing)
    assert 0 == whole.returncode, whole.stderr
    steps = int(whole.stdout.splitlines()[-1])
    expected = await look(backend_url, tmp_path)
    assert (LISTED + 500, 0) == (len(expected[0]), expected[1])
    seen = set()
    # On the way, and before and after the deletion, which only the names' counts follow.
    for kill_at in (4, steps // 3, 2 * steps // 3, steps - 7, steps - 5):
        await start_anew(backend_url, tmp_path)
        killed = run_module("tests.catalog.imports.killed_import", environment, tmp_path, str(kill_at), *replacing)
        assert -signal.SIGKILL == killed.returncode, (kill_at, killed.stdout, killed.stderr)
        left = (await look(backend_url, tmp_path))[1]
        seen.add(left)
        again = farmlokal(environment, tmp_path, *replacing)
        assert 0 == again.returncode, again.stderr
        assert expected == await look(backend_url, tmp_path), kill_at
    assert {0, ABSENT} == seen
