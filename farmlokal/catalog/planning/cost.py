"""How many index entries a scan reads, judged by the sample."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from operator import attrgetter

from farmlokal.catalog.planning.sample import SORT_KEYS, Rows, SampledRow
from farmlokal.catalog.question.query import Filters, ListingQuery

Passing = Callable[[Rows], Sequence[int]]
_Test = Callable[[Rows, Sequence[int]], Sequence[int]]
_EQUALITIES = [
    (SampledRow._fields.index(field), field)
    for field in ("district_key", "state_key", "farm_id", "in_stock", "organic")
]

# So many sampled rows that pass tell the density of a walk well enough.
_HITS_ENOUGH = 8
# A first hit this many times further off than the following are from each other is a cluster that lies ahead.
_CLUSTER_GAPS = 4
# What passes a filter gathers in these orders: one name has one category and a narrow range of prices. There the page
# is found at the first cluster, if enough hits show that it is one, and else the walk may be endless.
_GATHERING = frozenset({"name", "price"})
_CLUSTER_HITS_MIN = 3
# A sorted entry costs a little more than a walked one.
_SORTED_ENTRY = 1.2
# Sampled rows looked at to tell how many of a group pass, and at most along a walk: planning runs on the event loop.
_LOOKED_MAX = 256
_WALKED_MAX = 4096
# What most walks need; each further look is four times as long.
_FIRST_LOOK = 12

_price = attrgetter("price_paise")


class Span:
    """The part of some sampled rows, in the order of an index, that a range of that index covers."""

    __slots__ = ("rows", "start", "stop")

    def __init__(self, rows: Rows, start: int = 0, stop: int | None = None) -> None:
        self.rows = rows
        self.start = start
        self.stop = len(rows) if stop is None else stop

    def __repr__(self) -> str:
        return f"<Span {self.start}:{self.stop} of {len(self.rows)}>"

    def __len__(self) -> int:
        return max(0, self.stop - self.start)


def row_filter(filters: Filters) -> Passing:
    """A function that tells which of some sampled rows pass `filters`, by their numbers.

    A pass over the rows for each filter, not a call for each row: thousands are looked at, on the event loop.
    """
    tests: list[_Test] = []
    for place, field in _EQUALITIES:
        wanted = getattr(filters, field)
        if wanted is not None:
            tests.append(_equality(place, wanted))
    if filters.categories:
        tests.append(_membership(frozenset(filters.categories)))
    if has_price_range(filters):
        tests.append(_between(*_price_bounds(filters)))

    def passing(rows: Rows) -> Sequence[int]:
        numbers: Sequence[int] = range(len(rows))
        for test in tests:
            numbers = test(rows, numbers)
        return numbers

    return passing


def has_price_range(filters: Filters) -> bool:
    """Whether `filters` bound the price on either side."""
    return filters.min_price_paise is not None or filters.max_price_paise is not None


def in_price_range(by_price: Rows, filters: Filters) -> Span:
    """The part of `by_price` that lies in the price range."""
    if not has_price_range(filters):
        return Span(by_price)
    low, high = _price_bounds(filters)
    first = bisect_left(by_price, low, key=_price)
    return Span(by_price, first, bisect_right(by_price, high, lo=first, key=_price))


def matches(span: Span, passing: Passing) -> float:
    """How many rows of `span` pass, judged by at most 256 spread evenly over it; at least a half."""
    step = len(span) // _LOOKED_MAX + 1
    return max(0.5, step * len(passing(span.rows[span.start : span.stop : step])))


def sorting_cost(span: Span, share: float) -> float:
    """The cost of reading and sorting a range whose sampled rows are `span`; none drawn may still be a few."""
    return _SORTED_ENTRY * max(len(span), 0.5) / share


def walking_cost(
    span: Span, query: ListingQuery, passing: Passing, *, narrowest: Span, share: float, cost_max: float
) -> float:
    """The cost of walking `span`, in the order of `query`'s sort, from its position until the page is full.

    narrowest: a span, of any index, that holds every row that passes. Looks no further than `cost_max` entries:
    beyond it, the cost may be infinite.
    """
    wanted = query.limit + 1
    found, looked, ended = _walk(span, query, passing, looked_max=min(cost_max * share + _HITS_ENOUGH, _WALKED_MAX))
    hits, first = len(found), found[0] if found else 0
    to_end = max(looked, 0.5) / share if ended else float("inf")
    gathering = query.sort.name in _GATHERING
    if gathering and hits < _CLUSTER_HITS_MIN:
        return to_end
    if hits == _HITS_ENOUGH and first > _CLUSTER_GAPS * (gap := max(1.0, (looked - first) / (hits - 1))):
        return min(to_end, first / share + wanted * gap)
    if hits < _HITS_ENOUGH:
        # Few hits may be luck, good or bad: the density of the whole span has the weight of one more hit.
        looked += round(len(span) / matches(narrowest, passing))
        hits += 1
    least = first / share if gathering and hits < _HITS_ENOUGH else wanted
    return min(to_end, max(wanted * looked / hits, least))


def _walk(span: Span, query: ListingQuery, passing: Passing, *, looked_max: float) -> tuple[list[int], int, bool]:
    """The walk from the position until enough rows pass: their numbers from 1, rows looked at, whether all were."""
    start, stop, descending = _from_position(span, query)
    to_look = min(stop - start, math.ceil(looked_max))
    found: list[int] = []
    looked, size = 0, _FIRST_LOOK
    while looked < to_look and len(found) < _HITS_ENOUGH:
        size = min(size, to_look - looked)
        if descending:
            rows = span.rows[stop - looked - size : stop - looked][::-1]
        else:
            rows = span.rows[start + looked : start + looked + size]
        found += [looked + number + 1 for number in passing(rows)]
        looked += size
        size *= 4
    if len(found) >= _HITS_ENOUGH:
        del found[_HITS_ENOUGH:]
        looked = found[-1]
    return found, looked, looked >= stop - start


def _equality(place: int, wanted: object) -> "_Test":
    return lambda rows, numbers: [number for number in numbers if rows[number][place] == wanted]


def _membership(categories: frozenset[str]) -> "_Test":
    return lambda rows, numbers: [number for number in numbers if rows[number].category in categories]


def _between(low: float, high: float) -> "_Test":
    return lambda rows, numbers: [number for number in numbers if low <= rows[number].price_paise <= high]


def _price_bounds(filters: Filters) -> tuple[float, float]:
    high = float("inf") if filters.max_price_paise is None else filters.max_price_paise
    return filters.min_price_paise or 0, high


def _from_position(span: Span, query: ListingQuery) -> tuple[int, int, bool]:
    """Where the rows past the position begin and end in `span.rows`, and whether a scan meets them from the end."""
    position, sort = query.position, query.sort
    descending = sort.descending != bool(position and position.backward)
    start, stop = span.start, span.stop
    if position is not None:
        edge = (position.value, position.id)
        key = SORT_KEYS[sort.name]
        if descending:
            stop = min(stop, bisect_left(span.rows, edge, key=key))
        else:
            start = max(start, bisect_right(span.rows, edge, key=key))
    return start, stop, descending
