"""`farmlokal import` as people use it: several files, packed, piped or from an address; what it says and leaves."""

import asyncio
import csv
import gzip
import io
import json
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from click.testing import CliRunner

from farmlokal import __version__
from farmlokal.cli.main import cli
from tests.catalog.imports.import_support import mandi_csv, mandi_row
from tests.cli.test_cli import rows
from tests.support.command import DONE_WAIT_MAX_S, farmlokal, make_catalogue, running

LIVE = "SELECT COUNT(*) FROM products WHERE source = 'mandi' AND live = 1"


def day(*markets: str, **differing: str) -> str:
    """A file of prices at some markets."""
    return mandi_csv(*(mandi_row(Market=market, **differing) for market in markets))


def zipped(**members: str) -> bytes:
    """A ZIP archive of CSV files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return packed.getvalue()


def report(folder: Path) -> Any:
    """The report of the run in `folder`."""
    return json.loads((folder / "report.json").read_text())


def test_files_of_all_kinds_in_one_run(environment: dict[str, str], tmp_path: Path) -> None:
    """Each file lands or is refused by itself; the lines, the rejects and the report say the same of it."""
    make_catalogue(environment)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(day("Pimpri", "Karad").encode()))
    bad = [mandi_row(Market=f"Market {number}", Modal=f"{number} Rs") for number in range(30)]
    (tmp_path / "days.zip").write_bytes(zipped(one=day("Nashik"), two=mandi_csv(mandi_row(Market="Satara"), *bad)))
    (tmp_path / "none.txt").write_text("hello\n")
    arguments = ("a.csv.gz", "days.zip", "-", "none.txt", "--rejects", "rejects.csv", "--report", "report.json")
    done = subprocess.run(
        [sys.executable, "-m", "farmlokal", "import", *arguments],
        env=environment, cwd=tmp_path, input=day("Sangli"), capture_output=True, text=True,
        timeout=DONE_WAIT_MAX_S, check=False,
    )  # fmt: skip
    assert [
        "a.csv.gz: 2 rows: created 2; 0 bad",
        "days.zip/one.csv: 1 rows: created 1; 0 bad",
        "days.zip/two.csv: 31 rows: created 1; 30 bad",
        "-: 1 rows: created 1; 0 bad",
        "5 files, 1 of them refused: 35 rows: created 5; 30 bad",
    ] == done.stdout.splitlines(), done.stderr
    reason = "Modal_x0020_Price: must be a plain number of rupees, not '0 Rs'"
    assert f"days.zip/two.csv:3: {reason} (30 rows like this one, the last on line 32)" in done.stderr.splitlines()
    assert 1 == sum(line.startswith("farmlokal: none.txt: ") for line in done.stderr.splitlines())
    with (tmp_path / "rejects.csv").open(newline="") as file:
        rejects = list(csv.DictReader(file))
    assert (30, ["file", "line", "reason", "row"]) == (len(rejects), list(rejects[0]))
    assert ("days.zip/two.csv", "3", reason, bad[0]) == tuple(rejects[0].values())
    said = report(tmp_path)
    assert (1, "in part", False, __version__) == (
        done.returncode,
        said["result"],
        said["dry_run"],
        said["version"],
    )
    assert (35, {"created": 5}, 30) == (said["rows"], said["outcomes"], said["bad_rows"])
    assert ["a.csv.gz", "days.zip/one.csv", "days.zip/two.csv", "-", "none.txt"] == [
        file["name"] for file in said["files"]
    ]
    assert [{"reason": reason, "rows": 30, "first_line": 3, "last_line": 32}] == said["files"][2]["reasons"]
    assert said["files"][4]["refusal"].startswith("none.txt: ")
    assert [(5,)] == rows(tmp_path, LIVE)


def test_a_dry_run_changes_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    """It says what would become of the rows and what would be deleted, with the exit code of the import."""
    make_catalogue(environment)
    (tmp_path / "day.csv").write_text(mandi_csv(mandi_row(), mandi_row(Market="Karad")))
    arguments = ("day.csv", "--dry-run", "--replace", "--expire-after", "30d", "--report", "report.json")
    done = farmlokal(environment, tmp_path, "import", *arguments)
    assert [
        "dry run: 2 rows: created 2; 0 bad",
        "0 products that no file of this run lists would be deleted",
        "0 products that no file has listed for 30 days would be deleted",
    ] == done.stdout.splitlines(), done.stderr
    said = report(tmp_path)
    assert (0, "done", True, 0, 0) == (
        done.returncode,
        said["result"],
        said["dry_run"],
        said["deleted"],
        said["expired"],
    )
    assert [(0,)] == rows(tmp_path, LIVE)
    assert [(0,)] == rows(tmp_path, "SELECT COUNT(*) FROM sightings")


def test_too_many_errors_end_the_run(environment: dict[str, str], tmp_path: Path) -> None:
    """The files after it are not read, and nothing is deleted."""
    make_catalogue(environment)
    (tmp_path / "bad.csv").write_text(mandi_csv(mandi_row(), mandi_row(Modal="x"), mandi_row(Modal="y")))
    (tmp_path / "good.csv").write_text(day("Karad"))
    done = farmlokal(environment, tmp_path, "import", "bad.csv", "good.csv", "--max-errors", "1", "--replace")
    assert 1 == done.returncode
    assert "bad.csv: the rest was not read: more than 1 rows are bad" in done.stderr
    assert "nothing was deleted: " in done.stderr
    assert [(0,)] == rows(tmp_path, LIVE)


async def test_an_address_is_imported(environment: dict[str, str], tmp_path: Path) -> None:
    """What is served there lands as from a file; its key is shown nowhere."""
    await asyncio.to_thread(make_catalogue, environment)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(day("Pimpri").encode()))

    app = web.Application()
    app.router.add_get("/day.csv.gz", answer)
    async with TestServer(app) as server:
        address = str(server.make_url("/day.csv.gz"))
        done = await asyncio.to_thread(
            farmlokal, environment, tmp_path, "import", f"{address}?api-key=hunter2", "--report", "report.json"
        )
    assert (0, f"{address}?api-key=…: 1 rows: created 1; 0 bad\n") == (done.returncode, done.stdout), done.stderr
    assert "hunter2" not in done.stderr + (tmp_path / "report.json").read_text()
    assert f"fetching {address}" in done.stderr


@pytest.mark.parametrize(
    "number",
    [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.proof)],
    ids=["SIGINT", "SIGTERM"],
)
def test_an_interrupted_import_says_what_landed(
    environment: dict[str, str], tmp_path: Path, number: signal.Signals
) -> None:
    """It ends after a whole batch, with the shell's exit code for the signal; run again, it goes on to the end."""
    make_catalogue(environment)
    many = 20_000
    (tmp_path / "many.csv").write_text(mandi_csv(*(mandi_row(Market=f"Market {number}") for number in range(many))))
    with running(environment, tmp_path, "import", "many.csv", "--report", "report.json") as process:
        while not rows(tmp_path, LIVE)[0][0]:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(number)
        output, errors = process.communicate(timeout=DONE_WAIT_MAX_S)
    landed = rows(tmp_path, LIVE)[0][0]
    assert (128 + number, 0) == (process.returncode, landed % 1000), errors
    assert f"interrupted: {landed} rows landed, the last of them from many.csv; the same command again" in errors
    assert f"{landed} rows: created {landed}; 0 bad" in output
    said = report(tmp_path)
    assert ("interrupted", 128 + number, {"created": landed}) == (said["result"], said["exit_code"], said["outcomes"])
    assert 0 < landed < many


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-", "-"), "standard input can be read once"),
        (("https:///a.csv",), "is no address"),
        (("absent.csv",), "does not exist"),
        (("--max-errors", "-1", __file__), "is not in the range"),
        (("--rejects", __file__, __file__), "must each name a file of its own"),
        (("--rejects", "out", "--report", "out", __file__), "must each name a file of its own"),
    ],
    ids=["stdin-twice", "no-host", "absent", "negative", "written-over", "written-twice"],
)
def test_what_cannot_be_meant_is_wrong_usage(arguments: tuple[str, ...], reason: str) -> None:
    """Exit code 2, before the settings are read."""
    done = CliRunner().invoke(cli, ["import", *arguments])
    assert 2 == done.exit_code
    assert reason in done.output
