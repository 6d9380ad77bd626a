"""The families of questions in words: how many products have them, what else is asked, in which order, how deep."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import NamedTuple

from farmlokal.catalog.question.near import POINT
from farmlokal.catalog.question.query import ListingQuery
from farmlokal.catalog.question.sorts import DISTANCE, RELEVANCE, SORTS, Position, Sort
from farmlokal.catalog.search.interpretation import Interpretation
from farmlokal.catalog.search.vocabulary import Name
from farmlokal.catalog.search.words import Words, words_of
from tests.bench.families import TARGETS, place_of, target
from tests.bench.near_questions import HOME_SPREAD_DEGREES
from tests.bench.stand import Catalogue, Sampled
from tests.catalog.questions import where
from tests.catalog.search.vocabularies import index_of

# Shorter ones are not in a FULLTEXT index.
_WORD_CHARS_MIN = 3
_COMMON_WORDS = 50
# Of all products, at most so many have a rare word.
_RARE_SHARE = 0.0005
_ORDERS = {**SORTS, "relevance": Sort(RELEVANCE), "distance": Sort(DISTANCE)}


class WordQuestion(NamedTuple):
    """What has certain words. sort: the order's name, as `sort` takes it.

    category, prices: only of this one, and within these paise; None for any. near: latitude and longitude, where the
    order is by distance. after: the product that the page before ended with, None on the first page.
    """

    words: Words
    sort: str
    category: str | None = None
    prices: tuple[int, int] | None = None
    near: tuple[float, float] | None = None
    after: Sampled | None = None

    def target(self) -> str:
        """The request target that asks it."""
        low, high = self.prices or (None, None)
        filters = where(
            q=Interpretation(tuple((word,) for word in self.words)),
            category=None if self.category is None else [self.category],
            min_price=low,
            max_price=high,
            near=None if self.near is None else POINT.read("{:.3f},{:.3f}".format(*self.near)),
        )
        return target(ListingQuery(filters, _ORDERS[self.sort], position=self._position()))

    def _position(self) -> Position | None:
        if self.after is None:
            return None
        if self.sort == "relevance":
            return Position(f"0 {self.after.created_at}", self.after.id)
        return place_of(self.after, SORTS[self.sort])


class KnownWords:
    """The words that products of a catalogue have, as far as each means itself: no alias of another, and no place."""

    def __init__(self, catalogue: Catalogue) -> None:
        names = [Name(*row) for row in catalogue.execute("SELECT id, name, category, products FROM names")]
        self._index = index_of(names)
        products: Counter[str] = Counter()
        pairs: dict[Words, None] = {}
        for name in names:
            words = words_of(name.text)
            products.update(dict.fromkeys(words, name.products))
            pairs[words[:2]] = None
        self.all = [word for word, count in products.most_common() if count and self.plain((word,))]
        self.common = self.all[:_COMMON_WORDS]
        self.rare = [word for word in self.all if products[word] <= _RARE_SHARE * catalogue.products]
        self.pairs = [words for words in pairs if len(words) > 1 and self.plain(words)]
        self.rows = [(words, row) for row in catalogue.sampled if self.plain(words := words_of(row.name_key)[:1])]

    def plain(self, words: Words) -> bool:
        """Whether words are understood as they are, each of them as others do."""
        if not words or min(map(len, words)) < _WORD_CHARS_MIN:
            return False
        return self._index.interpret(" ".join(words)) == Interpretation(tuple((word,) for word in words))


Draw = Callable[[KnownWords, random.Random], Iterator[WordQuestion]]


def _in_every_order(phrases: Iterable[Words]) -> Iterator[WordQuestion]:
    return (WordQuestion(words, sort) for words, sort in product(phrases, SORTS))


def _common(known: KnownWords, _: random.Random) -> Iterator[WordQuestion]:
    return _in_every_order((word,) for word in known.common)


def _rare(known: KnownWords, _: random.Random) -> Iterator[WordQuestion]:
    return _in_every_order((word,) for word in known.rare)


def _two_words(known: KnownWords, _: random.Random) -> Iterator[WordQuestion]:
    return _in_every_order(known.pairs)


def _and_more(known: KnownWords, draw: random.Random) -> Iterator[WordQuestion]:
    for words, row in known.rows:
        prices = round(row.price_paise * draw.uniform(0.5, 0.9)), round(row.price_paise * draw.uniform(1.1, 2))
        yield WordQuestion(words, "relevance", row.category, prices)


def _nearest(known: KnownWords, draw: random.Random) -> Iterator[WordQuestion]:
    sellers = [row for _, row in known.rows if row.lat is not None]
    for words, _ in known.rows:
        seller = draw.choice(sellers)
        lat, lon = (round((at or 0) + draw.gauss(0, HOME_SPREAD_DEGREES), 3) for at in (seller.lat, seller.lon))
        yield WordQuestion(words, "distance", near=(lat, lon))


def _by_relevance(known: KnownWords, _: random.Random) -> Iterator[WordQuestion]:
    return (WordQuestion((word,), "relevance") for word in known.all)


def _deep(known: KnownWords, draw: random.Random) -> Iterator[WordQuestion]:
    return (WordQuestion(words, draw.choice(list(SORTS)), after=row) for words, row in known.rows)


def _deep_by_relevance(known: KnownWords, _: random.Random) -> Iterator[WordQuestion]:
    return (WordQuestion(words, "relevance", after=row) for words, row in known.rows)


WORD_FAMILIES: dict[str, Draw] = {
    "common word, any order": _common,
    "rare word, any order": _rare,
    "two words, any order": _two_words,
    "word, category and price range": _and_more,
    "word, nearest": _nearest,
    "word, by relevance": _by_relevance,
    "word, any order, deep": _deep,
    "word, by relevance, deep": _deep_by_relevance,
}


def word_questions(known: KnownWords, family: str) -> list[WordQuestion]:
    """Up to 4,000 questions of a family, in random order; the same for the same catalogue."""
    draw = random.Random(1)
    questions = list(dict.fromkeys(WORD_FAMILIES[family](known, draw)))
    draw.shuffle(questions)
    return questions[:TARGETS]
