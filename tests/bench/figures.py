"""What a benchmark comes to: figures that are ratios to a reference of the same run, as a table and as JSON."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

import orjson

_NAME_CHARS = 66
_READABLE = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure over several rounds, each a ratio to the `reference` measured beside it.

    value: the median of the rounds; `min` and `max` are their spread. goal: what `value` should be, `<= 2.0`, or None.
    extra: what went into it, in absolute terms of this machine and this run. better: `bigger` or `smaller`, which a
    goal tells by itself. group: of figures, by which they are asked for.
    """

    name: str
    value: float
    min: float
    max: float
    reference: str
    goal: str | None = None
    unit: str = "ratio"
    extra: dict[str, Any] = field(default_factory=dict)
    better: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        if not self.better:
            object.__setattr__(self, "better", "smaller" if (self.goal or "").startswith("<=") else "bigger")

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


def in_ms(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    """What `pairs` of times came to in absolute terms, as a Figure's `extra`: the medians of the rounds."""
    measured, against = zip(*pairs, strict=True)
    return {"ms": round(median(measured), 2), "reference_ms": round(median(against), 2)}


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
    """`{"machine": {…}, "figures": [{a Figure's fields}, …]}`."""
    return orjson.dumps(
        {"machine": machine, "figures": [asdict(figure) for figure in figures]},
        option=_READABLE,
    )


def from_json(text: bytes) -> tuple[dict[str, Any], list[Figure]]:
    """What `as_json` wrote: the machine, and the figures."""
    read = orjson.loads(text)
    return read["machine"], [Figure(**figure) for figure in read["figures"]]


def for_action(figures: Iterable[Figure], better: str) -> bytes:
    """Those figures of which the bigger or the smaller are `better`, as forges' common benchmark action reads them.

    It draws a chart of every name's values; its two forms, customBiggerIsBetter and customSmallerIsBetter, take a file
    each. https://github.com/benchmark-action/github-action-benchmark
    """
    wanted = [figure for figure in figures if figure.better == better]
    return orjson.dumps(
        [
            {
                "name": f"{figure.group}: {figure.name}",
                "unit": f"times {figure.reference}" if figure.unit == "ratio" else figure.unit,
                "value": figure.value,
                "range": f"{figure.min} to {figure.max}",
                "extra": "\n".join(f"{name}: {value}" for name, value in figure.extra.items()),
            }
            for figure in wanted
        ],
        option=_READABLE,
    )
