"""Samples of several things that are to be compared, taken in turns: whatever else the machine does meets all alike."""

from collections.abc import Callable, Mapping
from statistics import median

from tests.bench.samples import Sample

Take = Callable[[], Sample]


def in_turns(rounds: int, takes: Mapping[str, Take]) -> list[dict[str, Sample]]:
    """A sample of each in every round; each round begins with the next one."""
    names = list(takes)
    taken = []
    for number in range(rounds):
        start = number % len(names)
        taken.append({name: takes[name]() for name in names[start:] + names[:start]})
    return taken


def rates(taken: list[dict[str, Sample]], name: str, reference: str) -> list[tuple[float, float]]:
    """For each round the rate of one thing and that of its reference."""
    return [(samples[name].rate, samples[reference].rate) for samples in taken]


def told(taken: list[dict[str, Sample]], name: str) -> dict[str, float]:
    """What the samples of one thing were in absolute terms: the medians over the rounds, and all errors."""
    samples = [one[name] for one in taken]
    return {
        "per_s": round(median(sample.rate for sample in samples)),
        "median_ms": round(median(sample.median_ms for sample in samples), 3),
        "p99_ms": round(median(sample.p99_ms for sample in samples), 3),
        "errors": sum(sample.errors for sample in samples),
    }
