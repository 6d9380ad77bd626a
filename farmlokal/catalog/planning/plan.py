"""From a question to the scans that answer it for the fewest index entries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from farmlokal.catalog.planning.candidates import Candidate, bounded_sorts, candidates, candidates_of_everything
from farmlokal.catalog.planning.cost import row_filter, sorting_cost, walking_cost
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.filters import CATEGORY
from farmlokal.catalog.question.query import Filters, ListingQuery

# So few entries are read at once: to look for fewer would take as long as it could save.
_CHEAP = 800
# What a scan costs before it reads its first entry: measured on MariaDB, each of twenty adds 80 µs to the parsing, the
# optimising and the temporary tables of their statement; an entry takes 0.4 µs.
_SCAN_OVERHEAD = 200


@dataclass(slots=True)
class Scan:
    """One scan of one index for the rows that pass `filters`.

    cost: the index entries that it should read. ties_apart: what ties with the position is to be found by a scan of
    its own.
    """

    index: str
    filters: Filters
    cost: float
    ties_apart: bool = False


class Plan(NamedTuple):
    """Scans whose results are merged: one, or one for each of several values of a filter."""

    scans: tuple[Scan, ...]

    @property
    def cost(self) -> float:
        """The index entries that all scans together should read."""
        return sum(scan.cost + _SCAN_OVERHEAD for scan in self.scans)


def choose_plan(query: ListingQuery, sample: Sample) -> Plan:
    """The cheapest plan for `query`, as far as `sample` tells."""
    of_everything = candidates_of_everything(query.filters, sample)
    best = Plan((_cheapest_scan(query, sample, of_everything),))
    return _merged(query, sample, of_everything, best.cost) or best


def _merged(query: ListingQuery, sample: Sample, of_everything: Sequence[Candidate], cost_max: float) -> Plan | None:
    """One scan for each value of a filter that has several; None where none has, or they cost `cost_max` or more."""
    split = _split(query)
    if split is None:
        return None
    one, parts = split
    scans: list[Scan] = []
    total = len(parts) * _SCAN_OVERHEAD + 0.0
    for part in parts:
        if total >= cost_max:
            return None
        alone = replace(query, filters=query.filters.narrowed(one, part))
        scans.append(_cheapest_scan(alone, sample, of_everything))
        total += scans[-1].cost
    return Plan(tuple(scans)) if total < cost_max else None


def _split(query: ListingQuery) -> tuple[Filter, Sequence[Any]] | None:
    """A filter by whose values the question falls into several, and those values."""
    for one, value in query.filters:
        parts = one.parts(value)
        if parts:
            return one, parts
    # What gathers, gathers by category: walking names for a price range may be endless, then every category is worth
    # a scan of its own.
    gathers = query.sort.key.gathers and bounded_sorts(query.filters) - {query.sort.name}
    if gathers and query.filters.get(CATEGORY) is None:
        return CATEGORY, CATEGORY.parts(CATEGORY.every)
    return None


def _cheapest_scan(query: ListingQuery, sample: Sample, of_everything: Sequence[Candidate]) -> Scan:
    """Compare sorting each filter's range with walking each index that has the order asked for."""
    filters, share, sort = query.filters, sample.share, query.sort
    found = candidates(filters, sample, of_everything)
    ranges = [one for one in found if one.bounded and one.index.sortable and one.index.sort != sort.name]
    costs = [(sorting_cost(one.span, share), one.index.name) for one in ranges]
    cost, index = min(costs, default=(float("inf"), sort.key.index.name))
    walking = not costs
    if cost > _CHEAP:
        narrowest = min([one.span for one in found], key=len)
        passing = row_filter(filters, sample.table)
        for walk in found:
            if walk.index.sort == sort.name:
                walked = walking_cost(walk.span, query, passing, narrowest=narrowest, sample=sample, cost_max=cost)
                if walked < cost:
                    cost, index, walking = walked, walk.index.name, True
            if cost <= _CHEAP:
                break
    return Scan(index, filters, max(cost, 1.0), ties_apart=walking and _many_ties(query, sample))


def _many_ties(query: ListingQuery, sample: Sample) -> bool:
    """Whether so many rows tie with `query`'s position that a database may misjudge the range past it."""
    return query.position is not None and query.position.value in sample.many_tie[query.sort.name]
