"""From a question to the scans that answer it for the fewest index entries."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.planning.candidates import BY_SORT, SORTABLE, Candidate, candidates, candidates_of_everything
from farmlokal.catalog.planning.cost import has_price_range, row_filter, sorting_cost, walking_cost
from farmlokal.catalog.planning.sample import Sample
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
    """Scans whose results are merged: one, or one for each of several categories."""

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
    """One scan for each category; None where that does not apply, or costs `cost_max` or more."""
    filters = query.filters
    # Names gather by category and price, so that walking them for a price range may be endless: then every category
    # is worth a scan of its own.
    everything = not filters.categories and query.sort.name == "name" and has_price_range(filters)
    categories = CATEGORIES if everything else filters.categories
    if len(categories) < 2:
        return None
    scans: list[Scan] = []
    total = len(categories) * _SCAN_OVERHEAD + 0.0
    for category in categories:
        if total >= cost_max:
            return None
        one = replace(filters, categories=(category,))
        scans.append(_cheapest_scan(replace(query, filters=one), sample, of_everything))
        total += scans[-1].cost
    return Plan(tuple(scans)) if total < cost_max else None


def _cheapest_scan(query: ListingQuery, sample: Sample, of_everything: Sequence[Candidate]) -> Scan:
    """Compare sorting each filter's range with walking each index that has the order asked for."""
    filters, share = query.filters, sample.share
    found = candidates(filters, sample, of_everything)
    ranges = [one for one in found if one.sort != query.sort.name and one.index in SORTABLE]
    if has_price_range(filters) and query.sort.name != "price":
        ranges += [one for one in found if one.index == BY_SORT["price"]]
    costs = [(sorting_cost(one.span, share), one.index) for one in ranges]
    cost, index = min(costs, default=(float("inf"), BY_SORT[query.sort.name]))
    walking = not costs
    if cost > _CHEAP:
        narrowest = min([one.span for one in found], key=len)
        passing = row_filter(filters)
        for walk in found:
            if walk.sort == query.sort.name:
                walked = walking_cost(walk.span, query, passing, narrowest=narrowest, share=share, cost_max=cost)
                if walked < cost:
                    cost, index, walking = walked, walk.index, True
            if cost <= _CHEAP:
                break
    return Scan(index, filters, max(cost, 1.0), ties_apart=walking and _many_ties(query, sample))


def _many_ties(query: ListingQuery, sample: Sample) -> bool:
    """Whether so many rows tie with `query`'s position that a database may misjudge the range past it."""
    return query.position is not None and query.position.value in sample.many_tie[query.sort.name]
