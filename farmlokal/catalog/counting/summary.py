"""The loader of summaries: how many products pass some filters, and how they are distributed.

Each facet is counted without its own filters, so there are several questions: one for the total and for the facets
without filters, and one for each other facet. What few entries of an index settle is counted, for as many of these
questions at once as a range of the index serves. The rest is estimated by the planner's sample, which also tells
beforehand what few entries would settle: what is estimated costs the database nothing.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson

from farmlokal.caching.value import Value
from farmlokal.catalog.counting.counts import MakeCount, estimated, exactly, facet_body
from farmlokal.catalog.counting.entries import Counted, counted_of, counting_statement
from farmlokal.catalog.counting.interval import share_bounds
from farmlokal.catalog.counting.ranges import Range, groups_of, narrowest
from farmlokal.catalog.counting.sampled_bits import SampledBits, Tally
from farmlokal.catalog.counting.schemas import Count
from farmlokal.catalog.planning.cost import covers
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.facets import FACETS, Facet
from farmlokal.catalog.question.filters import NEAR
from farmlokal.catalog.question.query import Filters, ListingQuery
from farmlokal.catalog.question.words import NAMED, NAMES_MAX, WORDS
from farmlokal.catalog.reading.hints import Hinting
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.catalog.reading.searching import names_found, search_info
from farmlokal.catalog.search.index import SearchIndex
from farmlokal.catalog.search.interpretation import Interpretation
from farmlokal.database.interface import Database

# What one summary may read of indexes, all its statements together: some twenty milliseconds of the database.
ENTRIES_MAX = 10_000
# As much as so many entries costs one whose row has to be read for a filter.
_ROW_ENTRIES = 5


class _Question(NamedTuple):
    """Products to be counted. over: the range that holds them all. facets: that they are counted by."""

    filters: Filters
    over: Range
    facets: list[Facet]


class Summaries:
    """Loads the summaries that the cache does not hold. Raises Unavailable when the database cannot answer.

    totals: how many were made, by whether their total is `exact` or `estimated`. entries: that they read of indexes.
    """

    def __init__(
        self,
        database: Database,
        store: ProductStore,
        names: SearchNames,
        hinting: Hinting | None = None,
        *,
        entries_max: int = ENTRIES_MAX,
    ) -> None:
        """names: what words are looked up in. hinting: makes hints. entries_max: of indexes, that one may read."""
        self._database = database
        self._store = store
        self._names = names
        self._hinting = hinting
        self._entries_max = entries_max
        self.totals: Counter[str] = Counter()
        self.entries = 0
        self._bits = SampledBits(store.planner.sample)
        # One at a time: two that need the same bits would both make them.
        self._sampling = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Summaries {dict(self.totals)!r} entries={self.entries}>"

    async def load(self, filters: Filters) -> Value:
        """A `schemas.Summary` of what passes `filters`. Raises NotComplete."""
        self._store.check_complete(ListingQuery(filters))
        further: dict[str, Any] = {}
        near, words = filters.get(NEAR), filters.get(WORDS)
        if near is not None:
            further["near"] = str(near.point)
        if words is not None:
            await self._names.catch_up()
            index = self._names.index
            further["search"] = search_info(index, words, names_found(index, filters))
            filters = _named(filters, words, index)
        total, facets = await self._count(filters, self._store.planner.sample)
        self.totals["exact" if total["exact"] else "estimated"] += 1
        if self._hinting is not None:
            hints = await self._hinting.of(filters, nothing_found=total["value"] == 0)
            further |= {"hints": hints} if hints else {}
        return Value(orjson.dumps({"total": total, "facets": facets, **further}))

    async def _count(self, filters: Filters, sample: Sample) -> tuple[Count, dict[str, Any]]:
        """The total and the facets of a summary."""
        facets = [facet for facet in FACETS if facet.column in sample.table.columns]
        questions = _questions(filters, facets, sample)
        settled = await self._settled(filters, questions, sample)
        totals: list[Count] = []
        bodies: dict[Facet, dict[str, Any]] = {}
        for question in questions:
            count: MakeCount = exactly
            made = settled.get(question.filters)
            if made is None:
                made, count = await self._sampled(question, sample), partial(estimated, sample=sample)
            totals.append(count(made.total))
            for facet in question.facets:
                bodies[facet] = facet_body(facet, made.values[facet], count, _chosen(facet, filters))
        return totals[0], {facet.name: bodies[facet] for facet in facets}

    async def _settled(
        self, filters: Filters, questions: Sequence[_Question], sample: Sample
    ) -> Mapping[Filters, Tally]:
        """What is counted of `questions`, which have `filters` or fewer, by what they ask for."""
        names = filters.get(NAMED)
        if names == ():
            return {one.filters: Tally(0, {facet: {} for facet in one.facets}) for one in questions}
        settled: dict[Filters, Tally] = {}
        # More names than a statement is to hold are found only beside categories that have few of them.
        left = self._entries_max if len(names or ()) <= NAMES_MAX else 0
        for question in questions:
            over = question.over
            cost = 1 if covers(over.through, filters) else _ROW_ENTRIES
            allowed = left // cost
            if question.filters in settled or not allowed or _fewest(over, sample) > allowed:
                continue
            served = [one for one in questions if one.filters not in settled and over.serves(one.filters)]
            counted = await self._counted(over, filters, [facet for one in served for facet in one.facets], allowed)
            left -= counted.entries * cost
            # With as many as were allowed there may be more.
            if counted.entries < allowed:
                settled |= {one.filters: counted.tally for one in served}
        return settled

    async def _counted(self, over: Range, filters: Filters, facets: Sequence[Facet], entries_max: int) -> Counted:
        statement = counting_statement(over, filters, facets, entries_max, self._database.dialect)
        counted = counted_of(await self._database.fetch_texts(statement.sql, statement.params), facets)
        self.entries += counted.entries
        return counted

    async def _sampled(self, question: _Question, sample: Sample) -> Tally:
        """What the sample has of a question. Other requests are answered meanwhile."""
        async with self._sampling:
            if self._bits.sample is not sample:
                self._bits = SampledBits(sample)
            steps = self._bits.tally(question.filters, question.facets)
            while True:
                try:
                    next(steps)
                except StopIteration as end:
                    made: Tally = end.value
                    return made
                await asyncio.sleep(0)


def _questions(filters: Filters, facets: Sequence[Facet], sample: Sample) -> list[_Question]:
    """What is to be counted: first of all what passes every filter, for the total."""
    by_filters: dict[Filters, list[Facet]] = {filters: []}
    for facet in facets:
        others = filters.without(*[one for one, _ in filters if facet.owns(one)])
        by_filters.setdefault(others, []).append(facet)
    return [_Question(asked, narrowest(asked, sample), of_it) for asked, of_it in by_filters.items()]


def _fewest(over: Range, sample: Sample) -> float:
    """The least number of entries that a range is likely to have."""
    return share_bounds(over.sampled, sample.drawn)[0] * sample.drawn / sample.share


def _chosen(facet: Facet, filters: Filters) -> list[Any]:
    """The values that the facet's own filters ask for."""
    return [group for one, value in filters if facet.owns(one) for group in groups_of(one, value)]


def _named(filters: Filters, words: Interpretation, index: SearchIndex) -> Filters:
    """The filters with the names that the words find in place of the words.

    Of all categories, where the listing looks in those asked for alone: those of the others are counted, too.
    """
    others = filters.without(WORDS)
    if not words.groups:
        return others
    names = [name.id for tier in index.matches(words).tiers for name in index.names_of(tier)]
    return Filters([(NAMED, tuple(sorted(names))), *others])
