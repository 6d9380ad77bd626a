"""The families of questions whose cost is measured, each as a maker of distinct request targets."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from math import sqrt

from farmlokal.catalog.question.cursor import CursorSigner
from farmlokal.catalog.question.query import LIMIT_DEFAULT, ListingQuery
from farmlokal.catalog.question.sorts import SORT_DEFAULT, SORTS, Position, Sort
from farmlokal.web.parameters.questions import PATH, link_base
from tests.bench.service_process import SECRET_KEY
from tests.bench.stand import Catalogue, Sampled
from tests.catalog.questions import where

TARGETS = 4_000
DEEP_PAGE = 10_000
_PAGES_AROUND = 60
_RARE_ROWS = 60

_SIGNER = CursorSigner([SECRET_KEY.encode()])

Draw = Callable[["Prices", Sampled, random.Random], ListingQuery]


class Prices:
    """The prices of a catalogue, to make ranges of a wanted width from."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._prices = sorted(row.price_paise for row in catalogue.sampled)
        self._per_price = catalogue.products / len(self._prices)
        self.dearest = [
            paise
            for (paise,) in catalogue.execute(
                "SELECT CAST(price * 100 AS SIGNED) FROM products WHERE live = 1"
                " ORDER BY price DESC, id DESC LIMIT 2000"
            )
        ]
        # Where walking any order and taking the range cost the same, √(limit · N) entries: the worst there is.
        self.worst_rows = sqrt(LIMIT_DEFAULT * catalogue.products)

    def range_of(self, rows: float, draw: random.Random) -> tuple[int, int]:
        """A price range around a random product with about so many products in it, as far as prices tie."""
        width = max(1, round(rows / self._per_price))
        start = draw.randrange(len(self._prices) - width)
        # Paise more or less change no result, since prices are whole halves of a rupee; they make the question another.
        low, high = self._prices[start], self._prices[start + width - 1]
        return low - draw.randrange(49), high + draw.randrange(49)

    def rare_range(self, draw: random.Random) -> tuple[int, int]:
        """A range among the dearest with about 60 products in it."""
        start = draw.randrange(len(self.dearest) - _RARE_ROWS)
        return self.dearest[start + _RARE_ROWS] - draw.randrange(49), self.dearest[start] + draw.randrange(49)


def place_of(row: Sampled, sort: Sort) -> Position:
    """The place of `row` in the order of `sort`."""
    values: dict[str, str | int] = {
        "created_at": row.created_at,
        "price": row.price_paise,
        "name": row.name_key,
        "rating": row.rating_key,
    }
    return Position(values[sort.name], row.id)


def _category_and_price(prices: Prices, row: Sampled, draw: random.Random) -> ListingQuery:
    low, high = round(row.price_paise * draw.uniform(0.5, 0.9)), round(row.price_paise * draw.uniform(1.1, 2))
    return ListingQuery(where(category=[row.category], min_price=low, max_price=high))


def _category_by_price(prices: Prices, row: Sampled, draw: random.Random) -> ListingQuery:
    return ListingQuery(where(category=[row.category]), SORTS["price"], position=place_of(row, SORTS["price"]))


def _open_range(prices: Prices, row: Sampled, draw: random.Random) -> ListingQuery:
    return ListingQuery(where(max_price=row.price_paise + draw.randrange(49)), SORTS["-price"])


def _rare_range(prices: Prices, row: Sampled, draw: random.Random, *, sort: str) -> ListingQuery:
    low, high = prices.rare_range(draw)
    return ListingQuery(where(min_price=low, max_price=high), SORTS[sort])


def _middling_range(prices: Prices, row: Sampled, draw: random.Random, *, sort: str) -> ListingQuery:
    low, high = prices.range_of(prices.worst_rows, draw)
    return ListingQuery(where(min_price=low, max_price=high), SORTS[sort])


def _district(prices: Prices, row: Sampled, draw: random.Random) -> ListingQuery:
    first_page = ListingQuery(where(district=row.district_key))
    return first_page if draw.random() < 0.5 else replace(first_page, position=place_of(row, SORT_DEFAULT))


def _district_and_category(prices: Prices, row: Sampled, draw: random.Random) -> ListingQuery:
    return ListingQuery(where(district=row.district_key, category=[row.category]))


def _farm(prices: Prices, row: Sampled, draw: random.Random) -> ListingQuery:
    return ListingQuery(where(farm_id=row.farm_id or row.id % 50_000 + 1))


def _organic_in_stock(prices: Prices, row: Sampled, draw: random.Random) -> ListingQuery:
    return ListingQuery(where(organic=True, in_stock=True), position=place_of(row, SORT_DEFAULT))


def _by_rating(prices: Prices, row: Sampled, draw: random.Random) -> ListingQuery:
    return ListingQuery(sort=SORTS["-rating"], position=place_of(row, SORTS["-rating"]))


FAMILIES: dict[str, Draw] = {
    "category and price range, newest": _category_and_price,
    "category, by price": _category_by_price,
    "open price range, falling price": _open_range,
    "rare price range, newest": partial(_rare_range, sort="-created_at"),
    "rare price range, by name": partial(_rare_range, sort="name"),
    "mid-selectivity price range, newest": partial(_middling_range, sort="-created_at"),
    "mid-selectivity price range, by name": partial(_middling_range, sort="name"),
    "district": _district,
    "district and category": _district_and_category,
    "farm": _farm,
    "organic and in stock": _organic_in_stock,
    "by rating": _by_rating,
}


def targets_of(catalogue: Catalogue, draw_query: Draw, *, seed: int = 1) -> list[str]:
    """Up to 4,000 distinct request targets of one family, in random order; the same for the same catalogue and seed."""
    draw = random.Random(seed)
    targets = list(dict.fromkeys(map(target, queries_of(catalogue, draw_query, draw))))
    draw.shuffle(targets)
    return targets


def queries_of(catalogue: Catalogue, draw_query: Draw, draw: random.Random) -> Iterator[ListingQuery]:
    """4,000 questions of one family."""
    prices = Prices(catalogue)
    rows = catalogue.sampled
    return (draw_query(prices, rows[number % len(rows)], draw) for number in range(TARGETS))


def pages_around(catalogue: Catalogue, page: int) -> list[str]:
    """The request targets of some sixty pages from number `page` on (1 is the first), in each of the eight orders."""
    return list(_pages_around(catalogue, page))


def _pages_around(catalogue: Catalogue, page: int) -> Iterator[str]:
    for sort in SORTS.values():
        order = f"{sort.key.column} DESC, id DESC" if sort.descending else f"{sort.key.column}, id"
        first = max(0, (page - 1) * LIMIT_DEFAULT - 1)
        ids = catalogue.execute(
            f"SELECT id FROM products FORCE INDEX (listing_by_{sort.name}) WHERE live = 1"
            f" ORDER BY {order} LIMIT {_PAGES_AROUND * LIMIT_DEFAULT} OFFSET {first}"
        )
        wanted = [row_id for (row_id,) in ids[::LIMIT_DEFAULT]]
        for row in catalogue.rows_of(wanted):
            yield target(ListingQuery(sort=sort, position=place_of(row, sort)))


def target(query: ListingQuery) -> str:
    """The request target that asks `query`, its cursor sealed as the service would."""
    if query.position is None:
        return f"{PATH}?{query.first_page}"
    return f"{PATH}{link_base(query)}{_SIGNER.seal(query, query.position)}"
