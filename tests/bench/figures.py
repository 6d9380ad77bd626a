"""What a benchmark comes to: figures that are ratios to a reference of the same run, as a table and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import orjson

_NAME_CHARS = 66


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over several rounds, each a ratio to the `reference` measured beside it.

    value: the median of the rounds; `min` and `max` are their spread. goal: what `value` should be, `<= 2.0`, or None.
    extra: what went into it, in absolute terms of this machine and this run.
    """

    name: str
    value: float
    min: float
    max: float
    reference: str
    goal: str | None = None
    unit: str = "ratio"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without one."""
        if self.goal is None:
            return None
        sense, bound = self.goal.split()
        return self.value <= float(bound) if sense == "<=" else self.value >= float(bound)


def ratio(name: str, pairs: Sequence[tuple[float, float]], reference: str, **others: Any) -> Figure:
    """The figure of `pairs`, for each round what was measured and what the reference came to. others: as in Figure."""
    ratios = [round(measured / against, 3) for measured, against in pairs]
    return Figure(name, median(ratios), min(ratios), max(ratios), reference, **others)


def line(figure: Figure) -> str:
    """The figure as one line of the table."""
    verdict = {None: "", True: f"  {figure.goal}: met", False: f"  {figure.goal}: MISSED"}[figure.met]
    spread = f"{figure.min:8.2f} to {figure.max:<8.2f}"
    extra = ", ".join(f"{name} {value}" for name, value in figure.extra.items())
    return f"{figure.name:{_NAME_CHARS}}{figure.value:8.2f}  {spread}{verdict:18}  {extra}".rstrip()


def heading() -> str:
    """What stands above the lines."""
    return f"{'':{_NAME_CHARS}}{'ratio':>8}  {'spread over rounds':20}  goal"


def as_json(machine: dict[str, Any], figures: Iterable[Figure]) -> bytes:
    """`{"machine": {…}, "figures": [{"name", "value", "min", "max", "reference", "goal", "unit", "extra"}, …]}`."""
    return orjson.dumps(
        {"machine": machine, "figures": [asdict(figure) for figure in figures]},
        option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE,
    )
