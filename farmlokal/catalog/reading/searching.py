"""Pages of what is asked for in words: of the products of the names that the words find."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from farmlokal.catalog.normalise import name_key
from farmlokal.catalog.question.filter import Filter
from farmlokal.catalog.question.filters import CATEGORY
from farmlokal.catalog.question.query import Filters, ListingQuery
from farmlokal.catalog.question.sorts import NAME, RELEVANCE, SORT_DEFAULT, Position
from farmlokal.catalog.question.words import NAME_KEYS, NAMED, NAMES_MAX, WORDS
from farmlokal.catalog.reading.rows import ShownRow
from farmlokal.catalog.reading.schemas import SearchInfo
from farmlokal.catalog.search.index import SearchIndex
from farmlokal.catalog.search.interpretation import Interpretation
from farmlokal.catalog.search.vocabulary import Name
from farmlokal.errors import Fault, InvalidInput

FetchPage: TypeAlias = Callable[[ListingQuery], Awaitable[list[ShownRow]]]
"""Up to limit + 1 rows of a page, in the order of the scan."""


class Found(NamedTuple):
    """The names that products may have, tier by tier. every: whether they may have any name."""

    tiers: tuple[list[Name], ...]
    every: bool

    @property
    def nothing(self) -> bool:
        """Whether no product can be found."""
        return not self.every and not any(self.tiers)


def names_found(index: SearchIndex, filters: Filters) -> Found:
    """The names that the words of `filters` find, of the categories asked for.

    Raises InvalidInput where they are so many that no plan for their products is bounded.
    """
    interpretation: Interpretation = filters.get(WORDS)
    if not interpretation.groups:
        return Found((), every=True)
    categories = filters.get(CATEGORY)
    found = tuple(
        [name for name in index.names_of(tier) if categories is None or name.category in categories]
        for tier in index.matches(interpretation).tiers
    )
    count = sum(map(len, found))
    if count > NAMES_MAX:
        detail = f"finds {count} names, more than {NAMES_MAX}: add a word, a letter or a category"
        raise InvalidInput([Fault(WORDS.parameter.name, interpretation.text, detail)])
    return Found(found, every=False)


async def rows_in_words(query: ListingQuery, found: Found, fetch: FetchPage) -> list[ShownRow]:
    """Up to limit + 1 rows of the page that `query` asks for in words, in the order of the scan."""
    if found.nothing:
        return []
    if query.sort.key is RELEVANCE:
        return await _by_relevance(query, found, fetch)
    names = [name for tier in found.tiers for name in tier]
    filters = query.filters.without(WORDS) if found.every else for_names(query, names)
    return await fetch(replace(query, filters=filters))


def for_names(query: ListingQuery, names: Sequence[Name]) -> Filters:
    """The filters of `query` for products of `names` alone, in place of words, and of the categories asked for.

    The categories follow from the names, but the planner has indexes by them: milk by price is that category's.
    """
    named: list[tuple[Filter, Any]] = [(NAMED, tuple(sorted(name.id for name in names)))]
    if query.sort.key is NAME:
        named.append((NAME_KEYS, tuple(sorted({name_key(name.text) for name in names}))))
    named.append((CATEGORY, tuple(sorted({name.category for name in names}))))
    return Filters([*named, *query.filters.without(WORDS, NAMED, NAME_KEYS, CATEGORY)])


def search_info(index: SearchIndex, interpretation: Interpretation, found: Found) -> SearchInfo:
    """What the page says of its words: how they were understood, and what to ask instead where nothing is found."""
    filters: dict[str, str | int] = {place.filter: place.value for place in interpretation.places}
    info: SearchInfo = {"q": interpretation.text, "filters": filters}
    if found.nothing:
        info["suggestions"] = [one.text for one in index.near_misses(interpretation)]
    return info


async def _by_relevance(query: ListingQuery, found: Found, fetch: FetchPage) -> list[ShownRow]:
    """The rows of the tiers one after another, in each the newest first."""
    backward = query.position is not None and query.position.backward
    at_tier, position = _in_tier(query.position)
    tiers: Sequence[list[Name]] = found.tiers or ([],)
    rows: list[ShownRow] = []
    for number in range(at_tier, -1, -1) if backward else range(at_tier, len(tiers)):
        if not found.every and not tiers[number]:
            continue
        of_tier = replace(
            query,
            filters=query.filters.without(WORDS) if found.every else for_names(query, tiers[number]),
            sort=SORT_DEFAULT if not backward or number == at_tier else SORT_DEFAULT.reversed(),
            position=position if number == at_tier else None,
        )
        rows += [row._replace(sort_value=b"%d %b" % (number, row.sort_value)) for row in await fetch(of_tier)]
        if len(rows) > query.limit:
            break
    return rows[: query.limit + 1]


def _in_tier(position: Position | None) -> tuple[int, Position | None]:
    """The tier that a position by relevance lies in, and the position in there; the beginning for None."""
    if position is None:
        return 0, None
    tier, _, created_at = str(position.value).partition(" ")
    return int(tier), position._replace(value=created_at)
