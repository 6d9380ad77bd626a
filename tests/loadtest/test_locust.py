"""Locust itself, on a small stand-in for the service: what it finds, what it keeps, and how it ends."""

import asyncio
import csv
import os
import re
import sys
from html import escape
from pathlib import Path
from typing import NamedTuple

import pytest

from farmlokal.simulator.webhooks import WEBHOOK_SECRET
from tests.loadtest.stub_service import stub_service

ROOT = Path(__file__).parents[2]
KEYS = {"LOADTEST_API_KEY": "a-key-of-the-tests", "LOADTEST_WEBHOOK_SECRET": WEBHOOK_SECRET}


class Ended(NamedTuple):
    """A load test that is over: its exit code, what it said, and the folder of its results."""

    code: int
    said: str
    results: Path

    def csv(self, name: str) -> list[dict[str, str]]:
        """The rows of one of locust's CSV files."""
        with (self.results / f"run_{name}.csv").open(newline="") as file:
            return list(csv.DictReader(file))


async def loadtest(folder: Path, *options: str, keys: dict[str, str] = KEYS) -> Ended:
    """Run `python -m loadtest` in `folder` until it ends."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOADTEST_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "loadtest", *options),
        cwd=folder,
        env=environment | keys | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    said = output.decode()
    (results,) = (folder / "load-results").iterdir()
    return Ended(process.returncode or 0, said, results)


@pytest.mark.proof
async def test_a_service_that_breaks_its_promises_fails_on_every_route(tmp_path: Path) -> None:
    """Each kind of user finds its fault, and the rate limit is named as what it is."""
    async with stub_service(faulty=True) as url:
        ended = await loadtest(tmp_path, "--host", url, "--users=20", "--run-time=10s", "--errors-only")
    assert 1 == ended.code, ended.said
    faults = {(row["Name"], row["Error"]) for row in ended.csv("failures")}
    for name, fault in (
        ("/categories [429]", "429: the service's rate limit"),
        ("/products?cursor [hit memory]", "the walk met a product again"),
        ("/products?near [hit memory]", "a product lies beyond the radius"),
        ("/products/{id} [304]", "a 304 to a request without a condition"),
        ("/products/changes", "a page of changes repeats a product"),
        ("/auth/token", "callers at the same moment got different tokens"),
        ("/external/sync [status 503]", "status 503: /problems/partner-unavailable"),
        ("/external/webhook [duplicate]", "an event's first delivery was called a duplicate"),
    ):
        assert any(name == found and fault in error for found, error in faults), (name, fault, faults)
    assert re.search(r"\d+ requests met the service's rate limit", ended.said)
    assert "load test FAILED" in ended.said.splitlines()[-1]


async def test_a_missed_target_gives_exit_code_1_and_is_named(tmp_path: Path) -> None:
    """The same service passes with targets that can be kept; report, charts' data and table are kept either way.

    Its address may end with a slash.
    """
    targets = tmp_path / "targets.toml"
    targets.write_text("['/products']\np50_ms = 0.001\nerrors = 0.0\n", "utf-8")
    async with stub_service(faulty=False) as url:
        options = ("--host", f"{url}/", "--users=20", "--shape=spike", f"--targets={targets}")
        # Each spike lasts for a second, which is how often locust looks at the shape and writes its history.
        ended = await loadtest(tmp_path, "--run-time=8s", *options, keys={})
    assert 1 == ended.code, ended.said
    last = ended.said.splitlines()[-1]
    assert re.fullmatch(r"load test FAILED: /products: p50 \d+ > 0\.001 ms", last), ended.said
    assert last == (ended.results / "verdict.txt").read_text("utf-8").splitlines()[-1]
    assert [] == ended.csv("failures")
    assert "LOADTEST_API_KEY is not set: no token stampede, no operator syncing" in ended.said
    assert "LOADTEST_WEBHOOK_SECRET is not set: no webhook sender" in ended.said
    names = {row["Name"] for row in ended.csv("stats")}
    assert {"/categories [hit memory]", "/products [hit memory]", "/products?cursor [hit memory]"} <= names
    of_products = ("", "?cursor", "?near", "?near&cursor", "/{id}", "/{id}/prices", "/summary")
    cached = (
        *(f"/products{kind}" for kind in of_products),
        "/categories",
        "/suggest",
        "/places",
        "/farms",
        "/farms/{id}",
    )
    outcomes = {f"{route} [{outcome}]" for route in cached for outcome in ("hit memory", "304")}
    assert names <= outcomes | {"/products/changes", "Aggregated"}
    # The spike is in the history: the charts of the report are drawn from it.
    assert {"2", "20"} <= {row["User Count"] for row in ended.csv("stats_history")}
    report = (ended.results / "report.html").read_text("utf-8")
    assert f'<p class="verdict bad">{escape(last)}</p>' in report
    assert "&lt;html" in report  # locust's own, in a frame


@pytest.mark.proof
async def test_only_the_master_of_several_processes_judges(tmp_path: Path) -> None:
    """One table of all their requests, and its exit code; every kind of user takes part, the syncs are followed."""
    # The operator looks at its run after 6 s at most.
    options = ("--users=20", "--run-time=12s", "--processes=2", "--errors-only")
    async with stub_service(faulty=False) as url:
        ended = await loadtest(tmp_path, "--host", url, *options)
    assert 0 == ended.code, ended.said
    assert 1 == ended.said.count("load test passed"), ended.said
    (total,) = (row for row in ended.csv("stats") if row["Name"] == "Aggregated")
    requests = re.findall(r"^(/\S*) +([\d,]+) ", ended.said, re.MULTILINE)
    assert int(total["Request Count"]) == sum(int(count.replace(",", "")) for _, count in requests)
    routes = {route for route, _ in requests}
    syncs = {"/external/sync", "/external/sync/{run}"}
    assert {"/auth/token", "/external/webhook", "/products", "/products/changes", *syncs} <= routes


async def test_wrong_targets_are_refused_before_there_is_any_load(tmp_path: Path) -> None:
    """Exit code 2 and one line with the file, the bound and what is allowed."""
    targets = tmp_path / "targets.toml"
    targets.write_text("['/products']\np98_ms = 1\n", "utf-8")
    ended = await loadtest(tmp_path, "--host", "http://127.0.0.1:9", f"--targets={targets}")
    assert 2 == ended.code, ended.said
    assert f"{targets}: [/products] p98_ms: must be one of" in ended.said
