"""The load test as CI runs it: the whole service, every kind of user, twenty seconds."""

import csv
import re
from pathlib import Path

import pytest

from tests.load.__main__ import load
from tests.load.loaded_service import Options, loadable_service

NAME = re.compile(
    r"(/products(\?cursor|\?near|\?near&cursor|/summary|/\{id\}(/prices)?)?|/categories|/suggest|/places|/farms(/\{id\})?)"
    r" \[(hit memory|hit stale|miss|miss collapsed|304)\]"
    r"|/products/changes( \[304\])?"
    r"|/auth/token|/external/sync \[(done|running)\]|/external/sync/\{run\} \[(done|running)\]"
    r"|/external/webhook \[(new|duplicate)\]|Aggregated"
)


@pytest.mark.proof
@pytest.mark.timeout(180)
def test_the_short_form_finds_no_error_and_a_target_that_cannot_be_kept_is_missed(tmp_path: Path) -> None:
    """Exit code 0 and 1; the report, the data and the table are kept; nothing is counted by its URL."""
    absurd = tmp_path / "targets.toml"
    absurd.write_text("['every route']\np95_ms = 0.001\n", "utf-8")
    with loadable_service(Options(products=20_000, workers=1, embedded=True)) as service:
        assert 0 == load(service, ["--users=20", "--run-time=20s", "--errors-only"], folder=tmp_path)
        (results,) = (tmp_path / "load-results").iterdir()
        assert 1 == load(service, ["--users=20", "--run-time=5s", f"--targets={absurd}"], folder=tmp_path)
        # One for all callers, however many ask at once.
        assert 1 == service.tokens_issued
    with (results / "run_stats.csv").open(newline="") as file:
        names = [row["Name"] for row in csv.DictReader(file)]
    assert [] == [name for name in names if not NAME.fullmatch(name)]
    routes = {name.partition(" ")[0] for name in names}
    assert {"/products", "/products?cursor", "/products/{id}", "/products/{id}/prices", "/categories"} <= routes
    assert {
        "/products?near",
        "/products/summary",
        "/products?near&cursor",
        "/suggest",
        "/products/changes",
        "/places",
        "/auth/token",
    } <= routes
    assert {"/external/sync [done]", "/external/webhook [new]", "/external/webhook [duplicate]"} <= set(names)
    assert "load test passed" in (results / "verdict.txt").read_text("utf-8")
    assert "<html" in (results / "report.html").read_text("utf-8")
