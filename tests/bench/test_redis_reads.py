"""The arithmetic of docs/scaling.md: the page has what the program prints, and the formula what a simulation finds."""

import random
from pathlib import Path

from tests.bench.redis_reads import EXPONENT, PAGES, distinct_pages, table

PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"


def test_the_page_has_the_table() -> None:
    """Each line of it stands there."""
    assert "\n".join(table()) in PAGE.read_text("utf-8")


def test_as_many_pages_are_asked_for_as_the_formula_says() -> None:
    """Of 30,000 requests drawn at random; the formula lets their number vary, which makes no difference here."""
    draw = random.Random(1)
    weights = [1 / rank**EXPONENT for rank in range(1, PAGES + 1)]
    drawn = len(set(draw.choices(range(PAGES), weights, k=30_000)))
    assert abs(drawn - distinct_pages(1_000, 30)) < 0.02 * drawn
