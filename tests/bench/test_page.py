"""The page that a benchmark ends with: what it shows, and that it needs nothing besides itself."""

import re

from tests.bench.figures import Figure
from tests.bench.page import page

MACHINE = {"cores": 2, "processor": "A <fast> one", "products": 1_000_000}
FIGURES = [
    Figure("memory hit / nginx", 0.79, 0.77, 0.86, "nginx with one worker", ">= 0.75", group="hot", extra={"per_s": 9}),
    Figure("memory hit, as proxies ask / nginx", 0.6, 0.5, 0.7, "nginx with one worker", ">= 0.72", group="hot"),
    Figure("by rating: median", 1.2, 1.1, 1.3, "20 rows by primary key", "<= 1.5", group="families"),
    Figure("farm: median", 2.5, 2.3, 2.8, "20 rows by primary key", "<= 1.5", group="families"),
    Figure(
        *("memory hit", 0.4, 0.4, 0.5, "a plain aiohttp handler"),
        group="time",
        extra={"own_us": 6.0, "kernel_us": 3.0, "redis_us": 0.0, "database_us": 0.0},
    ),
    Figure(
        *("miss", 14, 12, 15, "a plain aiohttp handler"),
        group="time",
        extra={"own_us": 250.0, "kernel_us": 50.0, "redis_us": 100.0, "database_us": 400.0},
    ),
    Figure("100,000 to 1,000,000: farm", 1.25, 1.2, 1.3, "the same on 100,000", group="growth", extra={"ms": 2.5}),
    Figure("1,000,000 to 10,000,000: farm", 2.0, 1.9, 2.1, "the same on 1,000,000", group="growth", extra={"ms": 5.0}),
]


def test_goals_come_first_with_what_was_missed() -> None:
    """The verdict counts goals, of a family the one that is furthest from its goal, and each bar has its tone."""
    shown = page(MACHINE, FIGURES)
    assert "1 of 3 goals reached" in shown
    assert ["good", "bad", "bad"] == re.findall(r'<div class="bar (good|bad)">', shown)
    assert "2.5: missed, goal ≤ 1.5" in shown
    order = [shown.index(text) for text in ("The goals", "Where time goes", "Ten times the products", "Measured on")]
    assert sorted(order) == order


def test_a_goal_and_the_reference_stand_on_one_scale() -> None:
    """The bar of 2.5 takes 1 / 1.15 of the track; the goal of 1.5 and the reference stand where they are on it."""
    bar = page(MACHINE, FIGURES).split("cold listing, the worst family, median", 1)[1].split("</div></div>", 1)[0]
    assert ["86.96", "34.78", "52.17"] == re.findall(r"(?:width|left):([\d.]+)%", bar)


def test_the_parts_of_a_request_are_shares_of_it() -> None:
    """A miss is half the database's, and its whole time stands behind it."""
    shown = page(MACHINE, FIGURES)
    assert 'class="fourth" style="width:50.00%"' in shown
    assert "<b>800 µs</b>" in shown
    assert "the database 400 µs" in shown


def test_growth_has_a_bar_for_each_size() -> None:
    """Of two steps of ten times as many, the size between them is one bar."""
    shown = page(MACHINE, FIGURES).split("Ten times the products", 1)[1].split("Every figure", 1)[0]
    assert ["2.00 ms", "2.50 ms", "5.00 ms"] == re.findall(r"<b>(.*?)</b>", shown)


def test_the_page_needs_nothing_besides_itself() -> None:
    """No script, no address, and what comes from the machine is text."""
    shown = page(MACHINE, FIGURES)
    assert [] == re.findall(r"<script|<link|src=|href=|url\(|https?:|<fast>", shown)
    assert "A &lt;fast&gt; one" in shown


def test_without_figures_there_is_a_page() -> None:
    """It says that no goal was measured."""
    shown = page(MACHINE, [])
    assert "no goal was measured" in shown
    assert "Every figure" not in shown
