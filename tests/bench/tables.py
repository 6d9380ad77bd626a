"""`python -m tests.bench.tables FILE... [--into DOC]`: the figures of JSON files as Markdown tables.

With `--into`, a table takes the place of what stands in the document between `<!-- table: NAME -->` and
`<!-- end of table -->`, where NAME is `goals`, `machine` or the name of a group; what was not measured stays as it is,
goal by goal. `--only` leaves out other tables: the machine's, where groups are measured on another one.
"""

import argparse
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import Figure, from_json
from tests.bench.goals import GOALS, reached

_COLUMNS = {
    "per_s": "a second",
    "reference_per_s": "reference, a second",
    "median_ms": "median, ms",
    "ms": "ms",
    "reference_ms": "reference, ms",
    "p99_ms": "p99, ms",
    "us": "processor time, µs",
    "reference_us": "reference, µs",
    "events_per_s": "events a second",
    "service_us": "service, µs",
    "reference_service_us": "reference's service, µs",
    "own_us": "own, µs",
    "kernel_us": "kernel, µs",
    "redis_us": "Redis, µs",
    "reference_redis_us": "reference's Redis, µs",
    "database_us": "database, µs",
    "reference_own_us": "reference's own, µs",
    "reference_database_us": "reference's database, µs",
    "rows_per_s": "rows a second",
    "reference_rows_per_s": "reference, rows a second",
    "load_data_rows_per_s": "LOAD DATA, rows a second",
    "executemany_rows_per_s": "executemany, rows a second",
    "processor_us_a_row": "processor time, µs a row",
    "load_data_processor_us_a_row": "LOAD DATA, µs a row",
    "executemany_processor_us_a_row": "executemany, µs a row",
    "started_mb": "after the start, MB",
    "sampled_mb": "with the sample, MB",
    "bytes_per_row": "bytes a row",
    "body_bytes": "body, bytes",
    "errors": "errors",
}
_BLOCK = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end of table -->)", re.DOTALL)


def read(paths: Iterable[Path]) -> tuple[dict[str, Any], list[Figure]]:
    """The figures of several files, of the same figure the last one; and the machine, of which they are one."""
    machine: dict[str, Any] = {}
    figures: dict[tuple[str, str], Figure] = {}
    for path in paths:
        machine, measured = from_json(path.read_bytes())
        figures |= {(figure.group, figure.name): figure for figure in measured}
    return machine, list(figures.values())


def tables(machine: dict[str, Any], figures: Sequence[Figure]) -> dict[str, str]:
    """Every table that can be made of them, by name."""
    made = {
        "machine": _table(("", ""), [(name, str(value)) for name, value in machine.items()]),
        "goals": _goals(figures),
    }
    for group in dict.fromkeys(figure.group for figure in figures):
        made[group] = _group([figure for figure in figures if figure.group == group])
    return made


def into(document: str, made: dict[str, str]) -> str:
    """The document with the tables in their places."""

    def replaced(block: re.Match[str]) -> str:
        before, name, now, after = block.groups()
        if name not in made:
            return block[0]
        return f"{before}{_with_others(made[name], now) if name == 'goals' else made[name]}{after}"

    return _BLOCK.sub(replaced, document)


def _with_others(table: str, now: str) -> str:
    """The table of goals with the rows that stand in the document `now`, of the goals that were not measured."""
    heading = table.splitlines()[:2]
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in [*now.splitlines(), *table.splitlines()]}
    return "".join(f"{line}\n" for line in [*heading, *(rows[goal.words] for goal in GOALS if goal.words in rows)])


def _goals(figures: Sequence[Figure]) -> str:
    rows = []
    for goal, figure in reached(figures):
        verdict = "reached" if figure.met else "**missed**"
        rows.append((goal.words, _sense(figure.goal or ""), _number(figure.value), _spread(figure), verdict))
    return _table(("figure", "goal", "measured", "rounds", ""), rows)


def _group(figures: Sequence[Figure]) -> str:
    columns = [name for name in _COLUMNS if any(name in figure.extra for figure in figures)]
    headings = ("figure", "ratio", "rounds", "beside", *(_COLUMNS[name] for name in columns))
    return _table(
        headings,
        [
            (
                figure.name,
                _number(figure.value),
                _spread(figure),
                figure.reference,
                *(_number(figure.extra.get(name)) for name in columns),
            )
            for figure in figures
        ],
    )


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _number(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if isinstance(value, int) or value >= 1000 else f"{value:.3g}"


def _spread(figure: Figure) -> str:
    return f"{_number(figure.min)} to {_number(figure.max)}"


def _sense(goal: str) -> str:
    return goal.replace(">=", "≥").replace("<=", "≤")


def main() -> None:
    """Print every table, or put them into the document."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.tables", description=__doc__)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what `--json` wrote; a later one counts")
    parser.add_argument("--into", type=Path, metavar="DOC", help="the document that takes the tables")
    parser.add_argument("--only", action="append", metavar="NAME", help="this table; may be given again")
    arguments = parser.parse_args()
    made = tables(*read(arguments.files))
    if arguments.only:
        made = {name: table for name, table in made.items() if name in arguments.only}
    if arguments.into is not None:
        arguments.into.write_text(into(arguments.into.read_text("utf-8"), made), encoding="utf-8")
    else:
        sys.stdout.write("".join(f"{name}\n\n{table}\n" for name, table in made.items()))


if __name__ == "__main__":
    main()
