"""Search indexes over a few names, and over those of the made-up catalogue and of real markets."""

from collections import Counter
from collections.abc import Iterable
from functools import cache

from farmlokal.catalog.search.aliases import Aliases, load_aliases
from farmlokal.catalog.search.index import SearchIndex
from farmlokal.catalog.search.vocabulary import Name
from farmlokal.catalog.seed.generator import generate


def index_of(names: Iterable[str | Name], aliases: Aliases | None = None) -> SearchIndex:
    """An index of these names, numbered from 1; where a text stands for a name, it has one product."""
    index = SearchIndex(load_aliases(None) if aliases is None else aliases)
    found = [name if isinstance(name, Name) else Name(number, name, "other", 1) for number, name in enumerate(names, 1)]
    for steps in (index.adding(found), index.ranking()):
        for _ in steps:
            pass
    index.changed()
    return index


@cache
def seeded() -> SearchIndex:
    """The names that 20,000 made-up products have, nearly all there are."""
    counts = Counter((record.name, record.category) for record in generate(1, 20_000))
    return index_of(Name(number, *name, counts[name]) for number, name in enumerate(sorted(counts), 1))


def found_names(index: SearchIndex, text: str) -> list[str]:
    """The texts of the names that `text` finds, tier by tier."""
    tiers = index.matches(index.interpret(text)).tiers
    return [name.text for tier in tiers for name in index.names_of(tier)]
