"""What one completion takes in the process, beside looking the same text up in a dictionary."""

import random
import time
from collections.abc import Sequence
from functools import cache
from itertools import islice, product
from typing import NamedTuple

from farmlokal.catalog.search.index import SearchIndex
from farmlokal.catalog.search.suggestions import SUGGESTIONS_MAX
from farmlokal.catalog.search.vocabulary import Name
from farmlokal.catalog.search.words import words_of
from tests.catalog.search.vocabularies import index_of, seeded

# More than the index keeps interpretations of: each text is interpreted anew.
_TEXTS = 2_000
_BEGINNING_CHARS_MIN = 2
_PRODUCTS_MAX = 10_000
# The fastest of so many runs: whatever else the machine does can only make one slower.
_LOOKUP_RUNS = 25


class SuggestTimes(NamedTuple):
    """Microseconds of processor time: the median of completions, their p99, and a look-up."""

    median_us: float
    p99_us: float
    lookup_us: float


def suggest_times(names: int) -> SuggestTimes:
    """Complete 2,000 texts by an index of so many names, and look them up among as many keys of a dictionary."""
    index = _index(names)
    texts = _typed([one.name.text for one in index.vocabulary.names])
    times_us = []
    for text in texts:
        started = time.thread_time_ns()
        index.complete(text, SUGGESTIONS_MAX)
        times_us.append((time.thread_time_ns() - started) / 1000)
    times_us.sort()
    return SuggestTimes(times_us[len(texts) // 2], times_us[len(texts) * 99 // 100], _lookup_us(texts))


def made_up_names(count: int) -> list[Name]:
    """So many names, at most some 200,000: what the made-up catalogue sells, each in varieties of all kinds."""
    known = seeded().vocabulary.names
    titles = sorted({(one.title, one.name.category) for one in known})
    varieties = sorted({one.name.text.partition("(")[2].rstrip(")") for one in known})
    pairs = list(product(titles, varieties))
    random.Random(1).shuffle(pairs)
    return [
        Name(number, f"{title} ({variety})", category, _PRODUCTS_MAX // number)
        for number, ((title, category), variety) in enumerate(islice(pairs, count), 1)
    ]


@cache
def _index(names: int) -> SearchIndex:
    return index_of(made_up_names(names))


def _typed(names: Sequence[str]) -> list[str]:
    """What people type on the way to names: a word or two, the last one just begun; no text twice."""
    draw = random.Random(2)
    texts: dict[str, None] = {}
    while len(texts) < _TEXTS:
        *whole, last = words_of(draw.choice(names))[: draw.choice((1, 1, 2))]
        texts[" ".join([*whole, last[: draw.randint(_BEGINNING_CHARS_MIN, len(last) + 1)]])] = None
    return list(texts)


def _lookup_us(texts: Sequence[str]) -> float:
    known = dict.fromkeys(texts, 1)

    def run() -> float:
        started = time.thread_time_ns()
        for text in texts:
            known.get(text)
        return time.thread_time_ns() - started

    return min(run() for _ in range(_LOOKUP_RUNS)) / len(texts) / 1000
