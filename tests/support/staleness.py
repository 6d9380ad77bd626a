"""A staleness oracle: answers that were called fresh are held against the writes that were acknowledged before."""

from bisect import bisect_right
from collections import defaultdict
from typing import Any


def worst_staleness_s(answers: list[dict[str, Any]]) -> tuple[float, int]:
    """By how much the worst of the answers that were called fresh was late, and how many answers were looked at."""
    late = lateness_s(answers)
    return max((late_s for _, late_s in late), default=0.0), len(late)


def lateness_s(answers: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """When each answer that was called fresh was asked for, and by how much it was late.

    Late: the age, when it was asked for, of the oldest acknowledged write that it did not show. A row is the number of
    its writes so far, so that what is missing is a comparison.
    """
    writes: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for answer in answers:
        for key, acknowledged_at, number in answer["writes"]:
            writes[key].append((acknowledged_at, number))
    for history in writes.values():
        history.sort()
    late = []
    for answer in answers:
        for key, asked_at, number in answer["readings"]:
            history = writes[key]
            before = history[: bisect_right(history, (asked_at, float("inf")))]
            missing = [at for at, written in before if written > number]
            late.append((asked_at, asked_at - min(missing) if missing else 0.0))
    return late
