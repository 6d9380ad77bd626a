"""How users of a load test choose what to ask for."""

import random
from collections import Counter

from loadtest.households import Market, zipf_choice

RNG = random.Random(1)


def market() -> Market:
    """One that has learnt 30 districts and three categories, one of them empty."""
    learnt = Market()
    learnt.learn_categories(
        [{"category": name, "products": count} for name, count in (("spices", 5), ("honey", 0), ("fruits", 9))]
    )
    learnt.learn_districts([{"district": f"d{number}"} for number in range(30)] + [{"district": None}])
    return learnt


def test_popularity_follows_zipfs_law() -> None:
    """The first is chosen twice as often as the second and ten times as often as the tenth."""
    counts = Counter(zipf_choice(range(1, 101), RNG) for _ in range(50_000))
    assert 1.7 < counts[1] / counts[2] < 2.3
    assert 8 < counts[1] / counts[10] < 12.5


def test_households_ask_for_what_there_is() -> None:
    """Categories that hold something, the largest most often; districts that were met."""
    asked = [market().filters(RNG) for _ in range(2_000)]
    categories = Counter(filters["category"] for filters in asked if "category" in filters)
    assert ["fruits", "spices"] == [name for name, _ in categories.most_common()]
    assert "d0" == Counter(filters["district"] for filters in asked if "district" in filters).most_common(1)[0][0]
    assert {} in asked


def test_crawlers_know_no_favourites() -> None:
    """Every district, any order, pages of any size."""
    learnt = market()
    crawled = [learnt.crawled(RNG) for _ in range(2_000)]
    assert 30 == len({query["district"] for query in crawled})
    assert {"20", "50", "100"} == {query["limit"] for query in crawled}
    assert 5 == len({query["sort"] for query in crawled})
    assert "district" not in Market().crawled(RNG)
