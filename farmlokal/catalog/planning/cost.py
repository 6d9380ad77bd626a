"""How many index entries a scan reads, judged by the sample."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import reduce
from operator import attrgetter

from farmlokal.catalog.listing_query import Filters, ListingQuery
from farmlokal.catalog.planning.sample import SORT_KEYS, VALUES, Rows, Sample, SampledRow

Passes = Callable[[SampledRow], bool]

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

# MySQL caps each of its two estimates at half of the index; together they cover it when ties are about a third of it.
_TIES_SHARE_MAX = 0.05

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


def filter_test(filters: Filters) -> Passes:
    """A function that tells whether a sampled row passes `filters`."""
    tests: list[Passes] = []
    for field in ("district_key", "state_key", "farm_id", "in_stock", "organic"):
        wanted = getattr(filters, field)
        if wanted is not None:
            tests.append(_equality(field, wanted))
    if filters.categories:
        categories = frozenset(filters.categories)
        tests.append(lambda row: row.category in categories)
    if has_price_range(filters):
        low, high = _price_bounds(filters)
        tests.append(lambda row: low <= row.price_paise <= high)
    return reduce(_both, tests) if tests else lambda _: True


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


def matches(span: Span, passes: Passes) -> float:
    """How many rows of `span` pass, judged by at most 256 spread evenly over it; at least a half."""
    step = len(span) // _LOOKED_MAX + 1
    return max(0.5, step * sum(passes(span.rows[index]) for index in range(span.start, span.stop, step)))


def sorting_cost(span: Span, share: float) -> float:
    """The cost of reading and sorting a range whose sampled rows are `span`; none drawn may still be a few."""
    return _SORTED_ENTRY * max(len(span), 0.5) / share


def walking_cost(
    span: Span, query: ListingQuery, passes: Passes, *, narrowest: Span, share: float, cost_max: float
) -> float:
    """The cost of walking `span`, in the order of `query`'s sort, from its position until the page is full.

    narrowest: a span, of any index, that holds every row that passes. Looks no further than `cost_max` entries:
    beyond it, the cost may be infinite.
    """
    wanted = query.limit + 1
    looked_max = min(cost_max * share + _HITS_ENOUGH, _WALKED_MAX)
    first = looked = hits = 0
    ended = True
    for row in _from_position(span, query):
        if looked >= looked_max or hits == _HITS_ENOUGH:
            ended = False
            break
        looked += 1
        if passes(row):
            hits += 1
            first = first or looked
    to_end = max(looked, 0.5) / share if ended else float("inf")
    gathering = query.sort.name in _GATHERING
    if gathering and hits < _CLUSTER_HITS_MIN:
        return to_end
    if hits == _HITS_ENOUGH and first > _CLUSTER_GAPS * (gap := max(1.0, (looked - first) / (hits - 1))):
        return min(to_end, first / share + wanted * gap)
    if hits < _HITS_ENOUGH:
        # Few hits may be luck, good or bad: the density of the whole span has the weight of one more hit.
        looked += round(len(span) / matches(narrowest, passes))
        hits += 1
    least = first / share if gathering and hits < _HITS_ENOUGH else wanted
    return min(to_end, max(wanted * looked / hits, least))


def many_ties(query: ListingQuery, sample: Sample) -> bool:
    """Whether so many rows tie with `query`'s position that a database may misjudge the range past it."""
    if query.position is None:
        return False
    rows, value = sample.by_sort[query.sort.name], query.position.value
    value_of = VALUES[query.sort.name]
    ties = bisect_right(rows, value, key=value_of) - bisect_left(rows, value, key=value_of)
    return ties > len(rows) * _TIES_SHARE_MAX


def _both(one: Passes, other: Passes) -> Passes:
    return lambda row: one(row) and other(row)


def _equality(field: str, wanted: object) -> Passes:
    value_of = attrgetter(field)
    return lambda row: bool(value_of(row) == wanted)


def _price_bounds(filters: Filters) -> tuple[float, float]:
    high = float("inf") if filters.max_price_paise is None else filters.max_price_paise
    return filters.min_price_paise or 0, high


def _from_position(span: Span, query: ListingQuery) -> Iterator[SampledRow]:
    """The rows that a scan meets, in its order, from the position on."""
    position, sort = query.position, query.sort
    descending = sort.descending != bool(position and position.backward)
    rows, start, stop = span.rows, span.start, span.stop
    if position is not None:
        edge = (position.value, position.id)
        key = SORT_KEYS[sort.name]
        if descending:
            stop = min(stop, bisect_left(rows, edge, key=key))
        else:
            start = max(start, bisect_right(rows, edge, key=key))
    indexes = range(stop - 1, start - 1, -1) if descending else range(start, stop)
    return (rows[index] for index in indexes)
