"""The benchmarks measure what they say, on a machine however busy: only that they do, not what comes of it."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.bench.cores import Cores, kept_to, on_cores, share_cores
from tests.bench.figures import from_json
from tests.bench.goals import reached
from tests.bench.near_questions import NEAR_FAMILIES
from tests.bench.summary import SUMMARY_FAMILIES
from tests.bench.word_questions import WORD_FAMILIES

ROOT = Path(__file__).parents[2]


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(600)
def test_hits_and_the_soak_are_measured_without_an_error(tmp_path: Path) -> None:
    """Every figure of the groups that need wrk and nginx is there, is a ratio above nothing, and had no errors."""
    written, chart = tmp_path / "bench.json", tmp_path / "chart.json"
    groups = ("hot", "redis", "scaling", "time", "soak")
    command = [sys.executable, "-m", "tests.bench", "--products", "2000", "--rounds", "1", "--soak-minutes", "0.1"]
    command += ["--seconds", "2"]  # in one, a busy machine may not answer one of three instances at all
    command += [word for group in groups for word in ("--only", group)]
    shown = tmp_path / "bench.html"
    command += ["--json", str(written), "--action-json", str(chart), "--html", str(shown)]

    subprocess.run(command, cwd=ROOT, check=True)

    assert "goals reached" in shown.read_text("utf-8")
    machine, figures = from_json(written.read_bytes())
    assert machine["products"] == 2000
    assert set(groups) == {figure.group for figure in figures}
    for figure in figures:
        assert figure.extra.get("errors", 0) == 0, figure
        assert figure.value > 0 or figure.unit != "ratio", figure
    charted = [orjson.loads(chart.with_suffix(f".{better}.json").read_bytes()) for better in ("bigger", "smaller")]
    assert len(figures) == sum(map(len, charted))


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(600)
def test_pages_near_a_place_are_measured_beside_an_index_and_redis(tmp_path: Path) -> None:
    """Every family has its goals; those of page 1 stand beside a SPATIAL index and GEOSEARCH, too."""
    written = tmp_path / "bench.json"
    command = [sys.executable, "-m", "tests.bench", "--products", "2000", "--rounds", "1", "--seconds", "0.3"]
    command += ["--html", str(tmp_path / "bench.html")]

    subprocess.run([*command, "--only", "near", "--json", str(written)], cwd=ROOT, check=True)

    _, figures = from_json(written.read_bytes())
    names = {figure.name for figure in figures}
    for family, what in NEAR_FAMILIES.items():
        beside = () if what.deep else (" / index", " / redis")
        assert {f"{family}{kind}" for kind in (": median", ": p99", ": p99's ratio", *beside)} <= names
    assert not [figure for figure in figures if figure.value <= 0]
    assert {"near"} == {goal.group for goal, _ in reached(figures)}


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(600)
def test_words_and_what_they_cost_the_writers_are_measured(tmp_path: Path) -> None:
    """Beside what they are stand words, completions, summaries, and writes beside those of before."""
    written = tmp_path / "bench.json"
    groups = ("search", "suggest", "summary", "earlier")
    command = [sys.executable, "-m", "tests.bench", "--products", "3000", "--rounds", "1", "--seconds", "0.3"]
    command += [word for group in groups for word in ("--only", group)]

    subprocess.run([*command, "--json", str(written)], cwd=ROOT, check=True)

    _, figures = from_json(written.read_bytes())
    names = {figure.name for figure in figures}
    for family in WORD_FAMILIES:
        beside = () if family == "word, by relevance, deep" else (" / fulltext", " / fts5")
        assert {f"{family}{kind}" for kind in (": median", ": p99", *beside)} <= names
    assert {f"{family}: median" for family in SUMMARY_FAMILIES} <= names
    assert not [figure for figure in figures if figure.value <= 0]
    assert set(groups) == {goal.group for goal, _ in reached(figures)}


@pytest.mark.parametrize(
    ("workers", "available", "expected"),
    [
        (1, (0, 1, 2, 3), Cores((0,), (1, 2), (3,))),
        (3, (0, 1, 2, 3), Cores((0, 1, 2), (3,))),
        (3, (4, 7), Cores((4,), (7,))),
        (1, (0, 1), Cores((0,), (1,))),
        (1, (5,), Cores((5,), (5,))),
    ],
)
def test_service_and_load_share_no_core_where_there_are_two(
    workers: int, available: tuple[int, ...], expected: Cores
) -> None:
    """Each side has at least one core, and the service as many as it has workers if one is left for the load."""
    assert expected == share_cores(workers, available=available)


def test_a_running_process_keeps_to_its_cores_until_the_block_ends() -> None:
    """All of its threads do; without cores nothing changes."""
    everywhere = os.sched_getaffinity(0)
    first = min(everywhere)
    with subprocess.Popen(["sleep", "60"]) as process:
        with kept_to([first], process.pid):
            assert {first} == os.sched_getaffinity(process.pid)
        assert everywhere == os.sched_getaffinity(process.pid)
        with kept_to([], process.pid):
            assert everywhere == os.sched_getaffinity(process.pid)
        process.kill()


def test_a_command_keeps_to_its_cores() -> None:
    """Without cores a command runs as it is."""
    assert ["nginx"] == on_cores((), ["nginx"])
    assert ["taskset", "--cpu-list", "1,2", "wrk"] == on_cores((1, 2), ["wrk"])
