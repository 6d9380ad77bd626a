"""`python -m tests.bench.page FILE... --into bench.html`: the figures of JSON files as one page to show.

Goals first, each as a bar beside its reference; then where time goes, growth, every figure, and the machine.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from loadtest import html_page
from loadtest.html_page import BAD, GOOD, NEUTRAL, Bar, Cell
from tests.bench.figures import Figure
from tests.bench.goals import Goal, reached
from tests.bench.tables import read

_SIZES = re.compile(r"([\d,]+) to ([\d,]+): (.+)")
# Of time_spent's figures.
_SPENT = {
    "own_us": "the service's own code",
    "kernel_us": "the kernel for the service",
    "redis_us": "Redis",
    "database_us": "the database",
}


def page(machine: dict[str, Any], figures: Sequence[Figure]) -> str:
    """The page of these figures; a part of which nothing was measured is left out."""
    return html_page.document(
        "FarmLokal: how fast it is",
        [*_goals(figures), *_spent(figures), *_growth(figures), *_all(figures), *_machine(machine)],
    )


def _goals(figures: Sequence[Figure]) -> Iterator[str]:
    told = list(reached(figures))
    if not told:
        yield html_page.verdict_line("no goal was measured", NEUTRAL)
        return
    kept = sum(figure.met is True for _, figure in told)
    yield html_page.verdict_line(f"{kept} of {len(told)} goals reached", GOOD if kept == len(told) else BAD)
    yield html_page.paragraph(
        "Every figure is a ratio to a reference that was measured beside it in the same run, and means the same on any"
        " machine. Where there are several of a kind, the one that is furthest from its goal stands here."
    )
    yield html_page.heading("The goals")
    yield html_page.legend(marks=True)
    yield html_page.bars(_goal_bar(goal, figure) for goal, figure in told)


def _goal_bar(goal: Goal, figure: Figure) -> Bar:
    sense, bound = (figure.goal or "").split()
    scale = 1.15 * max(figure.value, float(bound), 1.0)
    verdict, most = "reached" if figure.met else "missed", "≤" if sense == "<=" else "≥"
    return Bar(
        goal.words,
        f"{_number(figure.value)}: {verdict}, goal {most} {bound}",
        [figure.value / scale],
        note=f"beside {figure.reference}; rounds {_number(figure.min)} to {_number(figure.max)}",
        tone=GOOD if figure.met else BAD,
        goal=float(bound) / scale,
        reference=1 / scale if figure.unit == "ratio" else None,
    )


def _spent(figures: Sequence[Figure]) -> Iterator[str]:
    spent = [figure for figure in figures if "own_us" in figure.extra]
    if not spent:
        return
    yield html_page.heading("Where time goes in a hit and in a miss")
    yield html_page.paragraph(
        "Processor time for one request, in every process that takes part. Each bar is the whole of its request;"
        " how long that takes stands behind it."
    )
    yield html_page.legend(list(_SPENT.values()))
    yield html_page.bars(_spent_bar(figure) for figure in spent)


def _spent_bar(figure: Figure) -> Bar:
    parts = [figure.extra.get(name) or 0.0 for name in _SPENT]
    whole = sum(parts)
    note = ", ".join(f"{of} {_number(part)} µs" for of, part in zip(_SPENT.values(), parts, strict=True) if part)
    return Bar(figure.name, f"{_number(whole)} µs", [part / whole for part in parts], note=note)


def _growth(figures: Sequence[Figure]) -> Iterator[str]:
    medians: dict[str, dict[int, float]] = defaultdict(dict)
    for figure in figures:
        sizes = _SIZES.fullmatch(figure.name)
        if sizes and "ms" in figure.extra:
            small, large, family = sizes.groups()
            medians[family][_count(small)] = figure.extra["ms"] / figure.value
            medians[family][_count(large)] = figure.extra["ms"]
    if not medians:
        return
    longest_ms = max(max(by_size.values()) for by_size in medians.values())
    yield html_page.heading("Ten times the products")
    yield html_page.paragraph("The median time of a listing that no cache has, by the size of the catalogue.")
    yield html_page.bars(
        Bar(
            family if place == 0 else "",
            f"{ms:.2f} ms",
            [ms / longest_ms],
            note=f"{products:,} products",
        )
        for family, by_size in medians.items()
        for place, (products, ms) in enumerate(sorted(by_size.items()))
    )


def _all(figures: Sequence[Figure]) -> Iterator[str]:
    if figures:
        yield html_page.heading("Every figure")
    for group in dict.fromkeys(figure.group for figure in figures):
        rows = [_row(figure) for figure in figures if figure.group == group]
        yield html_page.folded(
            f"{group} ({len(rows)})",
            html_page.table(("figure", "value", "rounds", "beside", "goal", "in this run"), rows),
        )


def _row(figure: Figure) -> list[Cell]:
    tone = {True: GOOD, False: BAD, None: NEUTRAL}[figure.met]
    verdict = {True: ": reached", False: ": missed", None: ""}[figure.met]
    return [
        Cell(figure.name, "text"),
        Cell(_number(figure.value), "number"),
        Cell(f"{_number(figure.min)} to {_number(figure.max)}", "number"),
        Cell(figure.reference, "text"),
        Cell(f"{(figure.goal or '').replace('>=', '≥').replace('<=', '≤')}{verdict}", tone),
        Cell(", ".join(f"{name} {value}" for name, value in figure.extra.items()), "text"),
    ]


def _machine(machine: dict[str, Any]) -> Iterator[str]:
    yield html_page.heading("Measured on")
    yield html_page.table(("", ""), [(Cell(name), Cell(str(value))) for name, value in machine.items()])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _count(text: str) -> int:
    return int(text.replace(",", ""))


def main() -> None:
    """Write the page of what the files have."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.page", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what `--json` wrote; a later one counts")
    parser.add_argument("--into", type=Path, default=Path("bench.html"), help="where to (%(default)s)")
    arguments = parser.parse_args()
    arguments.into.write_text(page(*read(arguments.files)), encoding="utf-8")


if __name__ == "__main__":
    main()
