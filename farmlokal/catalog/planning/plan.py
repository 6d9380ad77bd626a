"""From a question to the scans that answer it for the fewest index entries."""

from dataclasses import dataclass, replace

from farmlokal.catalog.categories import CATEGORIES
from farmlokal.catalog.listing_query import Filters, ListingQuery
from farmlokal.catalog.planning.candidates import BY_SORT, SORTABLE, candidates
from farmlokal.catalog.planning.cost import filter_test, has_price_range, many_ties, sorting_cost, walking_cost
from farmlokal.catalog.planning.sample import Sample

# So few entries are read at once: to look for fewer would take as long as it could save.
_CHEAP = 800
# What a scan costs before it reads its first entry: descending the tree, and a temporary row for what it finds.
_SCAN_OVERHEAD = 10


@dataclass(frozen=True, slots=True)
class Scan:
    """One scan of one index for the rows that pass `filters`.

    cost: the index entries that it should read. ties_apart: what ties with the position is to be found by a scan of
    its own.
    """

    index: str
    filters: Filters
    cost: float
    ties_apart: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Scans whose results are merged: one, or one for each of several categories."""

    scans: tuple[Scan, ...]

    @property
    def cost(self) -> float:
        """The index entries that all scans together should read."""
        return sum(scan.cost + _SCAN_OVERHEAD for scan in self.scans)


def choose_plan(query: ListingQuery, sample: Sample) -> Plan:
    """The cheapest plan for `query`, as far as `sample` tells."""
    best = Plan((_cheapest_scan(query, sample),))
    return _merged(query, sample, best.cost) or best


def _merged(query: ListingQuery, sample: Sample, cost_max: float) -> Plan | None:
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
        scans.append(_cheapest_scan(replace(query, filters=replace(filters, categories=(category,))), sample))
        total += scans[-1].cost
    return Plan(tuple(scans)) if total < cost_max else None


def _cheapest_scan(query: ListingQuery, sample: Sample) -> Scan:
    """Compare sorting each filter's range with walking each index that has the order asked for."""
    filters, share = query.filters, sample.share
    found = list(candidates(filters, sample))
    narrowest = min((one.span for one in found), key=len)
    passes = filter_test(filters)
    ranges = [one for one in found if one.sort != query.sort.name and one.index in SORTABLE]
    if has_price_range(filters) and query.sort.name != "price":
        ranges += [one for one in found if one.index == BY_SORT["price"]]
    costs = [(sorting_cost(one.span, share), one.index) for one in ranges]
    cost, index = min(costs, default=(float("inf"), BY_SORT[query.sort.name]))
    walking = not costs
    for walk in found:
        if cost <= _CHEAP:
            break
        if walk.sort == query.sort.name:
            walked = walking_cost(walk.span, query, passes, narrowest=narrowest, share=share, cost_max=cost)
            if walked < cost:
                cost, index, walking = walked, walk.index, True
    return Scan(index, filters, max(cost, 1.0), ties_apart=walking and many_ties(query, sample))
