"""From a question to the scans that answer it for the fewest index entries, judged by the sample that is kept here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

from farmlokal.catalog.planning.cost import (
    Candidate,
    Joined,
    bounded_sorts,
    candidates,
    candidates_of_everything,
    matches,
    row_filter,
    sorting_cost,
    walking_cost,
)
from farmlokal.catalog.planning.nearest import NearestWalk
from farmlokal.catalog.planning.passed import PassedRows
from farmlokal.catalog.planning.sample import SAMPLE_ROWS, Sample, draw_sample
from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.filters import CATEGORY, NEAR
from farmlokal.catalog.question.near import Nearby
from farmlokal.catalog.question.query import Filters, ListingQuery
from farmlokal.catalog.question.sorts import DISTANCE, Position, Sort
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.question.words import NAMED
from farmlokal.database.interface import Database
from farmlokal.resilience.repeating import every
from farmlokal.telemetry import get_logger

K = TypeVar("K")
V = TypeVar("V")

# So few entries are read at once: to look for fewer would take as long as it could save.
_CHEAP = 800
# What a scan costs before it reads its first entry: measured on MariaDB, each of twenty adds 80 µs to the parsing, the
# optimising and the temporary tables of their statement; an entry takes 0.4 µs.
_SCAN_OVERHEAD = 200


@dataclass(slots=True)
class Scan:
    """One scan of one index for the rows that pass `filters`.

    cost: the index entries that it should read. ties_apart: what ties with the position is to be found by a scan of
    its own. cells: where not all of the index but these ranges of cells are read.
    """

    index: str
    filters: Filters
    cost: float
    ties_apart: bool = False
    cells: tuple[tuple[int, int], ...] = ()


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
    joined: Joined = {}
    best = Plan((_cheapest_scan(query, sample, of_everything, joined),))
    for one, parts in _splits(query, sample.table):
        best = _merged(query, one, parts, sample, of_everything, joined, best.cost) or best
    return Plan(tuple([_without_implied(scan, query.filters) for scan in best.scans]))


def _without_implied(scan: Scan, asked: Filters) -> Scan:
    """The scan without the categories that follow from its names: only indexes that begin with them need them.

    Each entry is looked at for one thing less, and a statement has one list less whose length may differ.
    """
    categories = scan.filters.get(CATEGORY)
    if scan.filters.get(NAMED) is None or categories is None or categories != asked.get(CATEGORY):
        return scan
    if any(scan.index == index.name for index in CATEGORY.indexes):
        return scan
    return replace(scan, filters=scan.filters.without(CATEGORY))


def _merged(
    query: ListingQuery,
    one: Filter,
    parts: Sequence[Any],
    sample: Sample,
    of_everything: Sequence[Candidate],
    joined: Joined,
    cost_max: float,
) -> Plan | None:
    """One scan for each of `parts`, the values of one filter; None where they cost `cost_max` or more."""
    scans: list[Scan] = []
    total = len(parts) * _SCAN_OVERHEAD + 0.0
    for part in parts:
        if total >= cost_max:
            return None
        alone = replace(query, filters=query.filters.narrowed(one, part))
        scans.append(_cheapest_scan(alone, sample, of_everything, joined))
        total += scans[-1].cost
    return Plan(tuple(scans)) if total < cost_max else None


def _splits(query: ListingQuery, table: QuestionTable) -> list[tuple[Filter, Sequence[Any]]]:
    """The filters by whose values the question falls into several, and those values: those with few of them first.

    By one of them it is taken apart; the values of another are looked for together by each scan.
    """
    splits = [(one, parts) for one, value in query.filters if (parts := one.parts(value))]
    if any(one is NAMED for one, _ in splits):
        return sorted(splits, key=lambda split: len(split[1]))
    # What gathers, gathers by category: walking names for a price range may be endless, then every category is worth
    # a scan of its own.
    gathering = [name for name in bounded_sorts(query.filters) - {query.sort.name} if table.sort_key(name).gathers]
    if (
        query.sort.key.gathers
        and gathering
        and query.filters.get(CATEGORY) is None
        and query.filters.get(NAMED) is None
    ):
        splits.append((CATEGORY, CATEGORY.parts(CATEGORY.every)))
    return sorted(splits, key=lambda split: len(split[1]))


def _cheapest_scan(query: ListingQuery, sample: Sample, of_everything: Sequence[Candidate], joined: Joined) -> Scan:
    """Compare sorting each filter's range with walking each index that has the order asked for."""
    filters, sort = query.filters, query.sort
    found = candidates(filters, sample, of_everything, joined)
    ranges = [
        one for one in found if one.bounded and one.index.sortable and (one.index.sort != sort.name or not one.in_order)
    ]
    costs = [(sorting_cost(one, query, sample), one.index.name, one.cells) for one in ranges]
    cost, index, cells = min(costs, default=(float("inf"), sort.key.index.name, ()))
    # What is computed from the question has no index to walk: `NearestWalk` is for that.
    walking = not costs and sort.key is not DISTANCE
    if cost > _CHEAP and sort.key is not DISTANCE:
        narrowest = min([one.span for one in found], key=len)
        passing = row_filter(filters, sample)
        for walk in found:
            if walk.index.sort == sort.name and walk.in_order:
                walked = walking_cost(walk, query, passing, narrowest=narrowest, sample=sample, cost_max=cost)
                if walked < cost:
                    cost, index, cells, walking = walked, walk.index.name, (), True
            if cost <= _CHEAP:
                break
    return Scan(index, filters, max(cost, 1.0), walking and _many_ties(query, sample), cells)


class NearestPlan(NamedTuple):
    """How to find what passes filters by distance, wherever from.

    ranges: a plan that reads and sorts the filters' own ranges. walks: whether to walk from the point, as long as that
    is not dearer. passed: the sampled rows that pass; None without filters. pass_share: how many they are of all.
    """

    ranges: Plan
    walks: bool
    passed: PassedRows | None = None
    pass_share: float = 1.0

    def walk(self, near: Nearby, position: Position | None, sample: Sample, wanted: int) -> NearestWalk | None:
        """The walk from a point, for so many products; None where sorting ranges is cheap."""
        if not self.walks:
            return None
        if self.passed is None:
            return NearestWalk(near, position, sample, wanted)
        return NearestWalk(near, position, sample, wanted, self.passed.counting(), self.pass_share, self.ranges.cost)


def choose_nearest(others: Filters, sample: Sample) -> NearestPlan:
    """The plan for questions by distance that have, beside their place, these filters."""
    plan = choose_plan(ListingQuery(others, Sort(DISTANCE)), sample)
    walks = plan.cost > _CHEAP + _SCAN_OVERHEAD and len(sample.cells) > 0
    if not walks or not others:
        return NearestPlan(plan, walks)
    narrowest = min([one.span for one in candidates(others, sample)], key=len)
    share = min(1.0, matches(narrowest, row_filter(others, sample)) / len(sample.cells))
    return NearestPlan(plan, True, PassedRows(others, sample, narrowest), share)


def _many_ties(query: ListingQuery, sample: Sample) -> bool:
    """Whether so many rows tie with `query`'s position that a database may misjudge the range past it."""
    return query.position is not None and query.position.value in sample.many_tie[query.sort.name]


_log = get_logger(__name__)

# The shape of a catalogue changes over days; one that is just being filled is looked at more often.
_INTERVAL_S = 300
_SMALL_INTERVAL_S = 15
_SMALL_ROWS = 1000
# What a process starts with: enough to tell ranges apart that differ by a third, in a tenth of the whole one's time.
_FIRST_ROWS = 4096
# By distance, those of other filters: each with the cells of the sampled rows that pass.
_NEAREST_PLANS_MAX = 128
# Questions come again when their pages have grown old. A plan takes about 1 KB with its question.
_PLANS_MAX = 4096


class Planner:
    """Plans listing queries over `database`. Without a sample yet, it plans as for an empty catalogue.

    table: what may be asked.
    """

    def __init__(self, database: Database, table: QuestionTable = TABLE) -> None:
        self._database = database
        self.sample = Sample((), 1.0, table)
        self._plans: dict[ListingQuery, Plan] = {}  # by this sample, in the order of their first question
        self._nearest_plans: dict[Filters, NearestPlan] = {}  # likewise, the one used last at the end
        self._rows_drawn = 0

    def __repr__(self) -> str:
        return f"<Planner {self.sample!r} plans={len(self._plans)}>"

    def plan(self, query: ListingQuery) -> Plan:
        """The cheapest plan for `query`; the same one for as long as the sample is."""
        plan = self._plans.get(query)
        if plan is None:
            plan = choose_plan(query, self.sample)
            _remember(self._plans, query, plan, _PLANS_MAX)
        return plan

    def plan_nearest(self, query: ListingQuery) -> tuple[NearestWalk | None, Plan]:
        """How to find a page by distance: the walk from its point, and what to do where that is dearer than expected.

        Few ask from one point, so the walk is planned anew each time; what the other filters come to is remembered.
        """
        near, others = query.filters.get(NEAR), query.filters.without(NEAR)
        plan = self._nearest_plans.pop(others, None) or choose_nearest(others, self.sample)
        _remember(self._nearest_plans, others, plan, _NEAREST_PLANS_MAX)
        return plan.walk(near, query.position, self.sample, query.limit + 1), plan.ranges

    async def start(self) -> None:
        """Draw a first sample, with which requests need not wait for the whole one. Raises Unavailable."""
        await self.refresh(rows=_FIRST_ROWS)

    async def refresh(self, *, gradually: bool = False, rows: int = SAMPLE_ROWS) -> None:
        """Draw the sample anew. gradually: beside requests, for which the process then has time. Raises Unavailable."""
        sample = await draw_sample(self._database, table=self.sample.table, gradually=gradually, rows=rows)
        self.sample, self._plans, self._nearest_plans, self._rows_drawn = sample, {}, {}, rows

    @property
    def is_first(self) -> bool:
        """Whether there are more products than were drawn at the start."""
        return self._rows_drawn < SAMPLE_ROWS and self.sample.share < 1

    async def keep(self) -> None:
        """Draw the sample again and again, until cancelled."""
        await every(
            lambda: _SMALL_INTERVAL_S if self.is_first or len(self.sample) < _SMALL_ROWS else _INTERVAL_S,
            partial(self.refresh, gradually=True),
            log=_log,
            failed="catalogue sample not refreshed",
            wait_first=True,
        )


def _remember(plans: dict[K, V], key: K, plan: V, kept_max: int) -> None:
    if len(plans) >= kept_max:
        del plans[next(iter(plans))]
    plans[key] = plan
