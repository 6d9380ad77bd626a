"""Figures as tables, as JSON, and as forges' benchmark action reads them."""

from pathlib import Path

import orjson

from tests.bench.figures import Figure, as_json, for_action, from_json, ratio
from tests.bench.goals import reached
from tests.bench.plots import draw
from tests.bench.tables import into, tables

HIT = Figure(
    "memory hit / nginx",
    0.8,
    0.7,
    0.9,
    "nginx",
    goal=">= 0.75",
    extra={"per_s": 98_000, "median_ms": 0.31},
    group="hot",
)
LATE = Figure("half of peak: p99", 5.2, 5.0, 5.5, "the median", goal="<= 4", group="soak")


def _cold(family: str, what: str, value: float) -> Figure:
    return Figure(f"{family}: {what}", value, value, value, "rows", goal="<= 1.5", group="families")


def test_figures_come_back_from_json() -> None:
    """What was written is read again, machine and all."""
    assert ({"cores": 4}, [HIT, LATE]) == from_json(as_json({"cores": 4}, [HIT, LATE]))


def test_a_goal_tells_which_is_better() -> None:
    """`<=` wants the smaller; without a goal a figure says so itself, else bigger is better."""
    assert ("bigger", "smaller") == (HIT.better, LATE.better)
    assert ratio("rate", [(1, 2)], "x").better == "bigger"
    assert ratio("p99", [(1, 2)], "x", better="smaller").better == "smaller"


def test_the_action_gets_each_direction_by_itself() -> None:
    """A list of name, unit and value, as customBiggerIsBetter and customSmallerIsBetter want it."""
    (bigger,) = orjson.loads(for_action([HIT, LATE], "bigger"))
    (smaller,) = orjson.loads(for_action([HIT, LATE], "smaller"))
    expected = {
        "name": "hot: memory hit / nginx",
        "unit": "times nginx",
        "value": 0.8,
        "range": "0.7 to 0.9",
        "extra": "per_s: 98000\nmedian_ms: 0.31",
    }
    assert expected == bigger
    assert smaller["name"] == "soak: half of peak: p99"


def test_a_goal_for_every_family_is_told_by_the_worst() -> None:
    """Of many figures the one furthest from the goal decides."""
    figures = [_cold("farm", "median", 1.1), _cold("district", "median", 1.6), _cold("district", "p99", 1.9)]
    assert ["district: median", "district: p99"] == [figure.name for _, figure in reached(figures)]


def test_tables_take_their_places_in_a_document() -> None:
    """What was measured is filled in, what was not stays as it is."""
    soaked = "| half of peak, errors | ≤ 0 | 0 | 0 to 0 | reached |\n"
    document = (
        f"# Figures\n<!-- table: goals -->\nold\n{soaked}<!-- end of table -->\n"
        "<!-- table: depth -->\nstays\n<!-- end of table -->\n"
    )
    filled = into(document, tables({"cores": 4}, [HIT, LATE]))
    assert "old" not in filled
    assert "rate limit off ÷ nginx | ≥ 0.75 | 0.8 | 0.7 to 0.9 | reached |" in filled
    assert "half of peak, p99 ÷ p50 | ≤ 4 | 5.2 | 5 to 5.5 | **missed** |" in filled
    assert soaked in filled
    assert "stays" in filled
    assert filled == into(filled, tables({"cores": 4}, [HIT, LATE]))


def test_a_table_has_a_column_for_each_thing_that_stands_beside_its_figures() -> None:
    """In one order for all tables; a figure that lacks one leaves its cell empty."""
    rate = Figure("events: rate", 0.6, 0.5, 0.7, "a transaction", extra={"events_per_s": 1_800}, group="webhooks")
    spent = Figure("events: µs", 0.9, 0.8, 1, "a transaction", extra={"own_us": 7, "database_us": 9}, group="webhooks")
    expected = [
        "| figure | ratio | rounds | beside | events a second | own, µs | database, µs |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| events: rate | 0.6 | 0.5 to 0.7 | a transaction | 1,800 |  |  |",
        "| events: µs | 0.9 | 0.8 to 1 | a transaction |  | 7 | 9 |",
    ]
    assert expected == tables({}, [rate, spent])["webhooks"].splitlines()


def test_pictures_are_drawn_of_what_was_measured(tmp_path: Path) -> None:
    """The same figures give the same bytes, and no picture fetches anything."""
    figures = [
        Figure(f"nginx, {count} connections", 1, 1, 1, "x", extra=extra, group="connections")
        for count, extra in ((1, {"of": "nginx", "connections": 1, "per_s": 9_000}), (4, {"of": "nginx"}))
    ]
    (first,) = draw(figures, tmp_path / "first")
    (second,) = draw(figures, tmp_path / "second")
    picture = first.read_bytes()
    assert picture == second.read_bytes()
    assert b"<svg" in picture
    assert b"<script" not in picture


def test_every_picture_can_be_drawn(tmp_path: Path) -> None:
    """Each group that has a picture gets it from figures as the groups make them."""
    by_size = Figure("1 to 10: farm", 1.2, 1, 1, "x", extra={"ms": 2.0}, group="growth")
    deep = Figure("page 9 to page 1: median", 1, 1, 1, "x", extra={"ms": 2.0, "reference_ms": 1.0}, group="depth")
    page = Figure("hit", 1, 1, 1, "x", extra={"of": "hit", "limit": 20, "median_ms": 0.3}, group="pages")
    workers = Figure(
        "hit, 3 workers", 3, 3, 3, "x", extra={"workers": 3, "per_s": 3, "reference_per_s": 1}, group="workers"
    )
    drawn = draw([by_size, deep, page, workers], tmp_path)
    assert {"growth.svg", "depth.svg", "pages.svg", "workers.svg"} == {path.name for path in drawn}
