"""The cache tags of the catalogue: what an answer depends on, and what a write touches."""

from collections.abc import Iterable
from functools import lru_cache

from farmlokal.catalog.question.filters import CATEGORY, IDS
from farmlokal.catalog.question.query import Filters, ListingQuery
from farmlokal.catalog.question.words import WORDS

# The listing as a whole: every page that is not of named categories.
LISTING = "products"

# How many products places and farms have.
DIRECTORY = "directory"

# What names there are: what is asked for in words depends on it.
NAMES = "names"


@lru_cache(maxsize=64)  # the list of categories is closed
def category_tag(category: str) -> str:
    """The tag of every page that shows `category` by name."""
    return f"category/{category}"


def product_tag(product_id: int) -> str:
    """The tag of one product's own answer."""
    return f"product/{product_id}"


def page_tags(query: ListingQuery) -> tuple[str, ...]:
    """What a page depends on.

    A write touches the listing and both the old and the new category of its product: so whatever changes a page of
    named categories touches one of those. It touches the product, too: a page of products that are named by their ids
    depends on nothing else.
    """
    picked = query.filters.get(IDS)
    if picked is not None:
        return tuple(map(product_tag, picked))
    tags = tuple(map(category_tag, query.filters.get(CATEGORY) or ())) or (LISTING,)
    return tags if query.filters.get(WORDS) is None else (*tags, NAMES)


def summary_tags(filters: Filters) -> tuple[str, ...]:
    """What a summary depends on: every product, since it counts other categories than those asked for, too."""
    return (LISTING,) if filters.get(WORDS) is None else (LISTING, NAMES)


def touched(product_id: int, categories: Iterable[str]) -> set[str]:
    """What a write to a product touches. categories: the one it was in and the one it is in."""
    return {LISTING, product_tag(product_id), *map(category_tag, categories)}
