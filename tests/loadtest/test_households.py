"""How users of a load test choose what to ask for."""

import random
from collections import Counter

import pytest

from loadtest.households import Home, Market, zipf_choice


@pytest.fixture
def rng() -> random.Random:
    """The same chance for each test, whichever ran before it in its process."""
    return random.Random(1)


def market() -> Market:
    """One that has learnt 30 districts, one place and three categories, one of them empty."""
    learnt = Market()
    learnt.learn_categories(
        [{"category": name, "products": count} for name, count in (("spices", 5), ("honey", 0), ("fruits", 9))]
    )
    nowhere = {"lat": None, "lon": None}
    learnt.learn_products([{"district": f"d{number}", **nowhere} for number in range(30)])
    learnt.learn_products([{"district": None, "lat": 20.03, "lon": 73.8}])
    return learnt


def test_popularity_follows_zipfs_law(rng: random.Random) -> None:
    """The first is chosen twice as often as the second and ten times as often as the tenth."""
    counts = Counter(zipf_choice(range(1, 101), rng) for _ in range(50_000))
    assert 1.7 < counts[1] / counts[2] < 2.3
    assert 8 < counts[1] / counts[10] < 12.5


def test_households_ask_for_what_there_is(rng: random.Random) -> None:
    """Categories that hold something, the largest most often; districts that were met."""
    asked = [market().filters(rng) for _ in range(2_000)]
    categories = Counter(filters["category"] for filters in asked if "category" in filters)
    assert ["fruits", "spices"] == [name for name, _ in categories.most_common()]
    districts = [filters["district"] for filters in asked if "district" in filters]
    assert "d0" == Counter(one for one in districts if isinstance(one, str)).most_common(1)[0][0]
    several = [one for one in districts if isinstance(one, list)]
    assert {2, 3} == set(map(len, several))
    assert 0.1 < len(several) / len(districts) < 0.25
    assert {} in asked


def test_households_ask_near_their_home(rng: random.Random) -> None:
    """Two in five visits are about what is near, most of them within a radius, and nearest first unless sorted."""
    home = Home(20.0349, 73.7951)
    asked = [market().filters(rng, home) for _ in range(4_000)]
    near = [filters for filters in asked if "near" in filters]
    assert 0.36 < len(near) / len(asked) < 0.44
    assert {"20.03,73.80"} == {filters["near"] for filters in near}
    assert not [filters for filters in near if "district" in filters]
    radii = Counter(filters.get("radius_km") for filters in near)
    assert {"10", "5", "25", "2", "50", None} == set(radii)
    assert 0.15 < radii[None] / len(near) < 0.25
    assert 0.7 < sum(filters["sort"] == "distance" for filters in near) / len(near) < 0.8
    assert not [filters for filters in asked if "near" not in filters and filters.get("sort") == "distance"]


def test_homes_are_where_something_is_sold(rng: random.Random) -> None:
    """Some kilometres from a place that was met, each elsewhere; none where no place is known."""
    learnt = market()
    homes = [learnt.home(rng) for _ in range(200)]
    assert 200 == len(set(homes))
    assert not [home for home in homes if home is None or abs(home.lat - 20.03) > 0.2 or abs(home.lon - 73.8) > 0.2]
    assert Market().home(rng) is None


def test_crawlers_know_no_favourites(rng: random.Random) -> None:
    """Every district, any order, pages of any size."""
    learnt = market()
    crawled = [learnt.crawled(rng) for _ in range(2_000)]
    assert 30 == len({query["district"] for query in crawled})
    assert {"20", "50", "100"} == {query["limit"] for query in crawled}
    assert 5 == len({query["sort"] for query in crawled})
    assert "district" not in Market().crawled(rng)
