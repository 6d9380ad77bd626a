"""Summaries without HTTP and without a cache: over a database, or over a sample alone."""

from pathlib import Path
from typing import Any

import orjson

from farmlokal.caching.lookup import Lifetime
from farmlokal.caching.memory import MemoryTier
from farmlokal.caching.read_through import ReadThrough
from farmlokal.catalog.counting.summary import ENTRIES_MAX, Summaries
from farmlokal.catalog.planning.sample import Sample
from farmlokal.catalog.question.query import Filters
from farmlokal.catalog.question.table import TABLE, QuestionTable
from farmlokal.catalog.reading.loaders import ProductStore
from farmlokal.catalog.reading.search_names import SearchNames
from farmlokal.catalog.search.aliases import Aliases
from farmlokal.database.address import parse_address
from farmlokal.database.connect import database_at
from farmlokal.database.interface import Database

# By facet, what clients see of a value or band → what is said of its number.
Told = dict[str, dict[Any, dict[str, Any]]]


def summaries_over(
    database: Database, sample: Sample, *, entries_max: int = ENTRIES_MAX, table: QuestionTable = TABLE
) -> Summaries:
    """Summaries of what `database` has, planned and estimated by `sample`."""
    store = ProductStore(database, table)
    store.planner.sample = sample
    cache = ReadThrough(MemoryTier(1 << 20), None, lifetime=Lifetime(1, 1), origin_loads=1)
    return Summaries(database, store, SearchNames(database, cache, Aliases()), entries_max=entries_max)


def estimates_of(sample: Sample) -> Summaries:
    """Summaries that `sample` alone makes: no database is asked."""
    nowhere = database_at(parse_address(f"sqlite:///{Path('there is none')}"), pool_size=1, statement_limit_ms=1)
    return summaries_over(nowhere, sample, entries_max=0)


async def summary(summaries: Summaries, filters: Filters) -> dict[str, Any]:
    """The decoded summary of what passes `filters`."""
    decoded: dict[str, Any] = orjson.loads((await summaries.load(filters)).body)
    return decoded


def told(decoded: dict[str, Any]) -> Told:
    """Every number of a summary: under `total` that, under each facet those of its values; of the others under None."""
    found: Told = {"total": {"": decoded["total"]}}
    for name, facet in decoded["facets"].items():
        found[name] = {one.get("value", one.get("min")): one["products"] for one in facet["values"]}
        if "others" in facet:
            found[name][None] = facet["others"]["products"]
    return found
